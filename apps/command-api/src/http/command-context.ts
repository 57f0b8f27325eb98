import { invalid } from '#libs/problems';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { CommandContext } from '../event-store/command.js';
import { idempotencyKey } from '../event-store/idempotency.js';
import { ifMatch } from './entity-tag.js';

/** A handler's argument: who asks, why, and on what conditions, from the request's headers. */
export const Context = createParamDecorator((_data: unknown, context: ExecutionContext) =>
  commandContext(context.switchToHttp().getRequest<FastifyRequest>()),
);

/** @throws Problem naming the header that cannot be used */
function commandContext({ headers, id, method, url, body }: FastifyRequest): CommandContext {
  const actor = text(headers, 'X-Actor', 200) ?? 'anonymous';
  const causationId = text(headers, 'X-Causation-Id', 128);
  const key = text(headers, 'Idempotency-Key', 255);
  const condition = ifMatch(headers['if-match']);
  const traceparent = one(headers.traceparent);
  return {
    actor,
    correlationId: id,
    ...(causationId !== undefined && { causationId }),
    // Trace Context, 3.2: a header that cannot be parsed is ignored, the trace begins anew.
    ...(traceparent !== undefined &&
      /^[\da-f]{2}-[\da-f]{32}-[\da-f]{16}-[\da-f]{2}/.test(traceparent) && { traceparent }),
    ...(key !== undefined && { idempotency: idempotencyKey({ actor, method, url, body }, key) }),
    ...(condition !== undefined && { ifMatch: condition }),
  };
}

type Headers = FastifyRequest['headers'];

const one = (header: string | string[] | undefined): string | undefined => [header].flat()[0];

/** Node reads header bytes as Latin-1; people's names come as UTF-8. */
function text(headers: Headers, name: string, longest: number): string | undefined {
  const header = one(headers[name.toLowerCase()]);
  if (header === undefined) return undefined;
  const value = Buffer.from(header, 'latin1').toString();
  if (/^[^\p{Cc}\uFFFD]+$/u.test(value) && value.length <= longest) return value;
  const wanted = `1 to ${longest} characters of UTF-8`;
  const detail = `${name} is ${JSON.stringify(header)}; wanted is ${wanted}.`;
  throw invalid([{ header: name, code: 'wrong-format', detail, got: header, wanted }]);
}
