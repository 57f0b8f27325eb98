import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createOrigin } from './origin.js';

/** A service of the test's own: it answers as `answers` says. */
let service: Server;
let answers: RequestListener;
let place: { name: string; label: string; prefix: string; port: number | null; next(): string | null };
let origin: FastifyInstance;
let url: string;

beforeEach(async () => {
  answers = (_request, response) => response.end();
  service = createServer((incoming, response) => answers(incoming, response)).listen(0, '127.0.0.1');
  await once(service, 'listening');
  const next = () => (place.port === null ? null : `http://127.0.0.1:${place.port}`);
  place = { name: 'command-api', label: 'commands', prefix: '/api/commands', port: portOf(service), next };
  origin = createOrigin([place]);
  url = await origin.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  origin.server.closeAllConnections();
  await origin.close();
  service.closeAllConnections();
  service.close();
});

const portOf = (server: Server) => (server.address() as AddressInfo).port;

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

describe('a request under a prefix', () => {
  it('reaches the service without it: path, query and method as they were written', async () => {
    answers = (incoming, response) => response.end(`${incoming.method} ${incoming.url}`);
    const answer = await fetch(`${url}/api/commands/v1/rooms/Fall%202026/a%2Fb?name[contains]=a+b%20&x=1&x=`, {
      method: 'DELETE',
    });
    expect(await answer.text()).toBe('DELETE /v1/rooms/Fall%202026/a%2Fb?name[contains]=a+b%20&x=1&x=');
  });

  it('tells the service where it stands', async () => {
    answers = (incoming, response) => response.end(JSON.stringify(incoming.headers));
    const headers = (await (
      await fetch(`${url}/api/commands/v1`, { headers: { 'x-actor': 'ada', 'x-correlation-id': 'mine' } })
    ).json()) as Record<string, string>;
    expect(headers).toMatchObject({
      'x-actor': 'ada',
      'x-correlation-id': 'mine',
      'x-forwarded-prefix': '/api/commands',
      'x-forwarded-host': url.replace('http://', ''),
      'x-forwarded-proto': 'http',
    });
  });

  it.each(['application/json', 'text/csv; charset=latin1', 'text/plain; charset=utf-8', 'application/x-ndjson'])(
    'passes a body of %s of any size byte for byte',
    async (type) => {
      const body = Buffer.alloc(3_000_000, 'né\0"');
      answers = (incoming, response) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          response
            .setHeader('content-type', incoming.headers['content-type']!)
            .end(Buffer.concat(chunks).equals(body) ? 'equal' : 'different'),
        );
      };
      const answer = await fetch(`${url}/api/commands/v1/imports`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
      expect(await answer.text()).toBe('equal');
      expect(answer.headers.get('content-type')).toBe(type);
    },
  );

  it('gets the status, the headers and the prefixed addresses of the answer', async () => {
    answers = (_incoming, response) =>
      response.writeHead(201, { location: '/v1/rooms/1', link: '</v1/rooms>; rel="up"', etag: '"1"' }).end('{}');
    const answer = await fetch(`${url}/api/commands/v1/rooms`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(201);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      location: '/api/commands/v1/rooms/1',
      link: '</api/commands/v1/rooms>; rel="up"',
      etag: '"1"',
    });
  });
});

describe('streams', () => {
  it('of events arrive one by one, and end at the service when the reader goes', async () => {
    const closed = Promise.withResolvers<void>();
    const next = Promise.withResolvers<void>();
    answers = (incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: 1\n\n');
      void next.promise.then(() => response.write('id: 2\n\n'));
      incoming.on('close', () => closed.resolve());
    };
    const reader = new AbortController();
    const answer = await fetch(`${url}/api/commands/v1/changes`, { signal: reader.signal });
    const events = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await events.read()).value).toBe('id: 1\n\n');
    next.resolve(); // only now: the first one was not held back
    expect((await events.read()).value).toBe('id: 2\n\n');
    reader.abort();
    await events.closed.catch(() => {});
    await closed.promise;
  });

  it('of a request reach the service while they are being sent', async () => {
    const first = Promise.withResolvers<string>();
    answers = (incoming, response) => {
      incoming.once('data', (chunk: Buffer) => first.resolve(String(chunk)));
      incoming.on('end', () => response.end('done'));
    };
    const upload = request(`${url}/api/commands/v1/imports`, { method: 'POST' });
    upload.write('line 1\n');
    expect(await first.promise).toBe('line 1\n');
    upload.end('line 2\n');
    const [answer] = (await once(upload, 'response')) as [IncomingMessage];
    expect(await textOf(answer)).toBe('done');
  });

  it('that break off at the service break off for the reader, who is not told that it was all', async () => {
    answers = (_incoming, response) => {
      response.writeHead(200).write('half');
      setImmediate(() => response.destroy());
    };
    const answer = await fetch(`${url}/api/commands/v1/rooms`);
    await expect(answer.text()).rejects.toThrow('terminated');
  });
});

describe('a service that is down', () => {
  const problem = async (answer: Response) => ({
    status: answer.status,
    mediaType: answer.headers.get('content-type'),
    retryAfter: answer.headers.get('retry-after'),
    ...((await answer.json()) as { code: string; detail: string }),
  });
  const unavailable = {
    status: 503,
    mediaType: expect.stringContaining('application/problem+json'),
    retryAfter: '1',
    code: 'unavailable',
    detail: expect.stringContaining('command-api'),
  };

  it('is 503 while it is not running', async () => {
    place.port = null;
    expect(await problem(await fetch(`${url}/api/commands/v1/rooms`))).toMatchObject(unavailable);
  });

  it('is 503 when it ends before it answered', async () => {
    answers = (incoming) => incoming.socket.destroy();
    const answer = await fetch(`${url}/api/commands/v1/rooms`, { method: 'POST', body: '{}' });
    expect(await problem(answer)).toMatchObject(unavailable);
  });

  it('is 503 where nobody listens, and served again at the port it comes back with', async () => {
    const { port } = place;
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    place.port = portOf(gone);
    gone.close();
    expect(await problem(await fetch(`${url}/api/commands/v1/rooms`))).toMatchObject(unavailable);
    place.port = port;
    expect((await fetch(`${url}/api/commands/v1/rooms`)).status).toBe(200);
  });

  it('makes the whole not ready, by name and with its own code', async () => {
    answers = (_incoming, response) =>
      response.writeHead(503).end(JSON.stringify({ code: 'source-changed', detail: 'The slot is gone.' }));
    const answer = await fetch(`${url}/health/ready`);
    expect(await problem(answer)).toMatchObject({
      ...unavailable,
      code: 'source-changed',
      detail: 'command-api: The slot is gone.',
      checks: [{ name: 'command-api', status: 'down', detail: 'The slot is gone.' }],
    });
  });
});

describe('the origin itself', () => {
  it('is ready when all are', async () => {
    answers = (_incoming, response) => response.end(JSON.stringify({ status: 'ready' }));
    const answer = await fetch(`${url}/health/ready`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { status: 'ready', checks: [{ name: 'command-api', status: 'up' }] },
    ]);
  });

  it('joins the documents that the services publish now', async () => {
    const document = { openapi: '3.1.0', paths: { '/v1/rooms': { get: { operationId: 'listRooms' } } } };
    answers = (incoming, response) => response.end(incoming.url === '/openapi.json' ? JSON.stringify(document) : '');
    const joined = (await (await fetch(`${url}/api/openapi.json`)).json()) as { paths: object };
    expect(joined.paths).toEqual({ '/api/commands/v1/rooms': { get: { operationId: 'listRooms' } } });
  });

  it('leads from its first page to every document', async () => {
    const page = await (await fetch(url)).text();
    for (const label of ['commands', 'queries', 'projector']) expect(page).toContain(`href="/api/${label}/docs"`);
  });

  it('explains a problem under the address that the problem names', async () => {
    const answer = await fetch(`${url}/problems/unavailable`);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await answer.text()).toContain('unavailable');
  });

  it.each(['/nowhere', '/api/commandsX/v1', '/problems/nothing'])('knows no %s', async (path) => {
    const answer = await fetch(url + path);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'not-found']);
  });

  it('calls a path that does not decode malformed', async () => {
    const answer = await fetch(`${url}/problems/%zz`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([400, 'malformed']);
  });
});
