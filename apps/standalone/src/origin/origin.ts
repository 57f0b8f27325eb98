/**
 * The one address of the product. Each service has a place under it: the prefix is cut on the way in, and put before
 * `Location` and `Link` on the way out. Bodies pass as streams in both directions, unread.
 */
import httpProxy from '@fastify/http-proxy';
import { isProblemCode, Problem, problemDocument, problemMediaType, problemPage } from '#libs/problems';
import { correlationHeader, correlationIdOf } from '#libs/service';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { frontPage } from './front-page.js';
import { joinDocuments, type OpenApiDocument } from './join-documents.js';
import { withPrefix } from './prefixed-headers.js';
import { checkReadiness, type Upstream } from './readiness.js';

/** Not listening yet. `upstreams` are asked at each request: a restarted service may be at another port. */
export function createOrigin(upstreams: readonly Upstream[]): FastifyInstance {
  const origin = fastify({
    genReqId: ({ headers }) => correlationIdOf(headers),
    requestIdHeader: false,
    // The router's own refusals (a path that does not decode) pass no handler.
    frameworkErrors: sendProblem,
  });
  // Whatever has a body, the services read it: nothing is parsed or limited here.
  origin.removeAllContentTypeParsers();
  origin.setErrorHandler(sendProblem);
  origin.setNotFoundHandler((request, reply) =>
    sendProblem(new Problem('not-found', `Nothing has the address ${pathOf(request)}.`), request, reply),
  );
  servePages(origin);
  serveWhole(origin, upstreams);
  for (const upstream of upstreams) forward(origin, upstream);
  return origin;
}

function servePages(origin: FastifyInstance): void {
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  const html = (reply: FastifyReply, page: string) =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', policy).send(page);
  origin.get('/', (_request, reply) => html(reply, frontPage));
  origin.get<{ Params: { code: string } }>('/problems/:code', ({ params: { code } }, reply) => {
    if (!isProblemCode(code)) throw new Problem('not-found', `No problem has the code ${code}.`);
    return html(reply, problemPage(code));
  });
}

function serveWhole(origin: FastifyInstance, upstreams: readonly Upstream[]): void {
  origin.get('/health/live', () => ({ status: 'live' }));
  origin.get('/health/ready', async () => ({ status: 'ready', checks: await checkReadiness(upstreams) }));
  origin.get('/api/openapi.json', async () => {
    const services = await Promise.all(
      upstreams.map(async (upstream) => ({ ...upstream, document: await documentOf(upstream) })),
    );
    return joinDocuments(services, { title: 'MigsbyU', version: '1', description: 'Commands, queries and projector.' });
  });
}

async function documentOf(upstream: Upstream): Promise<OpenApiDocument> {
  const url = upstream.next();
  if (url === null) throw unavailable(upstream);
  try {
    const answer = await fetch(`${url}/openapi.json`);
    return (await answer.json()) as OpenApiDocument;
  } catch {
    throw unavailable(upstream);
  }
}

function forward(origin: FastifyInstance, upstream: Upstream): void {
  /** Asked once a request: replicas take turns. */
  const chosen = new WeakMap<object, string>();
  void origin.register(httpProxy, {
    prefix: upstream.prefix,
    upstream: '',
    // A feed is silent for as long as nothing happens, and long work answers when it is done: no time-out of ours.
    undici: { headersTimeout: 0, bodyTimeout: 0, connections: null },
    disableRequestLogging: true,
    internalRewriteLocationHeader: false,
    preHandler: (request, _reply, done) => {
      const url = upstream.next();
      if (url !== null) chosen.set(request.raw, url);
      done(url === null ? unavailable(upstream) : undefined);
    },
    replyOptions: {
      getUpstream: (request) => chosen.get(request.raw)!,
      rewriteRequestHeaders: (request, headers) => ({
        ...headers,
        'x-forwarded-prefix': upstream.prefix,
        'x-forwarded-host': request.headers.host,
        'x-forwarded-proto': request.protocol,
        [correlationHeader]: request.id,
      }),
      rewriteHeaders: (headers) => withPrefix(headers, upstream.prefix),
      onError: (reply, { error }) => void reply.send(lostAnswer(upstream, error)),
    },
  });
}

const unavailable = ({ name }: Upstream) =>
  new Problem('unavailable', `The ${name} takes no requests now; it is started again.`, { retryAfter: 1 });

const lostAnswer = ({ name }: Upstream, cause: unknown) =>
  new Problem(
    'unavailable',
    `The ${name} ended before it answered. Whether it did what was asked is not known: ` +
      'ask again with the same Idempotency-Key.',
    { retryAfter: 1, cause },
  );

/** Every error ends here. */
function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error);
  void reply
    .code(problem.status)
    .headers({ ...problem.headers, [correlationHeader]: request.id, 'cache-control': 'no-store' })
    .type(problemMediaType)
    .send(problemDocument(problem, request.id));
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const refused = (error as { statusCode?: number }).statusCode ?? 500;
  return refused < 500
    ? new Problem('malformed', 'The request cannot be read: its path or its headers do not decode.', { cause: error })
    : new Problem('internal', 'The origin failed.', { cause: error });
}

const pathOf = (request: FastifyRequest) => request.url.replace(/\?.*$/, '');
