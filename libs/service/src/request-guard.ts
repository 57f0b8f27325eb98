import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ROUTE_ARGS_METADATA, RouteParamtypes } from '@nestjs/common/internal';
import type { FastifyRequest } from 'fastify';
import { Problem } from '#libs/problems';
import { checkCorrelationId } from './correlation.js';
import { readQueryPairs } from './query-pairs.js';
import { fieldsOf } from './wanted.js';

type Handler = (...args: unknown[]) => unknown;
type Controller = abstract new (...args: never[]) => unknown;

/** What a route takes and gives, read from its own declarations. */
interface Terms {
  /** Names of its query parameters; null if the handler reads the query itself. */
  readonly parameters: ReadonlySet<string> | null;
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
}

/** Refuses what a route did not declare: a query parameter, the body's media type, every form that it could answer in. */
@Injectable()
export class RequestGuard implements CanActivate {
  private readonly known = new WeakMap<Controller, Map<Handler, Terms>>();

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const terms = this.termsOf(context.getClass(), context.getHandler() as Handler);
    checkCorrelationId(request.headers);
    checkParameters(request.query as Readonly<Record<string, unknown>>, terms);
    checkMediaType(request, terms);
    checkAccept(request.headers.accept, terms);
    return true;
  }

  /** Of a pair, since a factory's controllers share the functions that they inherit. */
  private termsOf(controller: Controller, handler: Handler): Terms {
    const own = this.known.get(controller) ?? new Map<Handler, Terms>();
    this.known.set(controller, own);
    const terms = own.get(handler) ?? {
      parameters: declaredParameters(controller, handler.name),
      consumes: declaredMedia('swagger/apiConsumes', controller, handler),
      produces: declaredMedia('swagger/apiProduces', controller, handler),
    };
    own.set(handler, terms);
    return terms;
  }
}

/** `@ApiConsumes` and `@ApiProduces` of @nestjs/swagger; JSON where nothing is said. */
function declaredMedia(key: string, controller: Controller, handler: Handler): readonly string[] {
  const declared = Reflect.getMetadata(key, handler) ?? Reflect.getMetadata(key, controller);
  return (declared as string[] | undefined) ?? ['application/json'];
}

interface RouteArgument {
  readonly index: number;
  readonly data?: unknown;
  readonly factory?: unknown;
}

function declaredParameters(controller: Controller, method: string): ReadonlySet<string> | null {
  const declared = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as Record<string, RouteArgument>;
  const types = Reflect.getMetadata('design:paramtypes', controller.prototype as object, method) as unknown[];
  const names = new Set<string>();
  for (const [key, { index, data, factory }] of Object.entries(declared ?? {})) {
    if (factory === readQueryPairs) return null;
    if (Number(key.split(':')[0]) !== RouteParamtypes.QUERY) continue;
    const own = typeof data === 'string' ? [data] : fieldsOf(types[index] as Controller);
    for (const name of own) names.add(name);
  }
  return names;
}

function checkParameters(query: Readonly<Record<string, unknown>>, { parameters }: Terms): void {
  if (parameters === null) return;
  const unknown = Object.keys(query).filter((name) => !parameters.has(name));
  if (unknown.length === 0) return;
  const wanted = parameters.size > 0 ? `one of ${[...parameters].join(', ')}` : 'no parameter';
  const errors = unknown.map((parameter) => {
    const detail = `${parameter} is no parameter of this resource.`;
    return { parameter, code: 'unknown-parameter', detail, got: query[parameter], wanted };
  });
  throw new Problem('unknown-parameter', errors.map(({ detail }) => detail).join(' '), { errors });
}

function checkMediaType({ body, headers }: FastifyRequest, { consumes }: Terms): void {
  const type = mediaType(headers['content-type']);
  if (body === undefined || (type !== undefined && consumes.includes(type))) return;
  const detail = `The body's Content-Type is ${type ?? 'not given'}; wanted is ${consumes.join(' or ')}.`;
  throw new Problem('unsupported-media-type', detail, { headers: { Accept: consumes.join(', ') } });
}

const mediaType = (header: string | undefined) => header?.split(';')[0]!.trim().toLowerCase();

/** RFC 9110, 12.5.1. Without the header everything is acceptable. */
function checkAccept(accept: string | undefined, { produces }: Terms): void {
  if (accept === undefined || accept.trim() === '') return;
  const ranges = accept
    .split(',')
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range))
    .flatMap((range) => mediaType(range) ?? []);
  const covers = (range: string, type: string) =>
    range === '*/*' || range === type || (range.endsWith('/*') && type.startsWith(range.slice(0, -1)));
  if (ranges.some((range) => produces.some((type) => covers(range, type)))) return;
  const detail = `Accept is ${JSON.stringify(accept)}; this resource is ${produces.join(' or ')}.`;
  throw new Problem('not-acceptable', detail, { extra: { available: produces } });
}
