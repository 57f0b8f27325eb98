import { Body, Controller, Get, Injectable, Module, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiConsumes } from '@nestjs/swagger';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { IsIn, IsInt, IsOptional, IsString, Length, Matches, Max, Min } from 'class-validator';
import { Problem, problemCodes } from '#libs/problems';
import { createService } from './create-service.js';
import { FitsColumn } from './fits-column.js';
import { Readiness, type ReadinessIndicator } from './health.js';
import { QueryPairs } from './query-pairs.js';
import { IfPresent } from './wanted.js';

class Building {
  @IsString()
  @Length(1, 10)
  name: string;

  @IsInt()
  @Min(1)
  @Max(99)
  floors: number;

  @IsOptional()
  @FitsColumn('numeric(3,2)')
  height?: number | null;

  @IfPresent()
  @IsIn(['brick', 'wood'])
  material?: string;
}

class BuildingQuery {
  @IsOptional()
  @Matches(/^\d+$/, { message: 'a whole number' })
  limit?: string;
}

@Controller('v1/buildings')
class BuildingsController {
  @Get()
  list(@Query() query: BuildingQuery) {
    return { data: [], query };
  }

  @Post()
  add(@Body() body: Building) {
    return { ...body };
  }

  @Patch(':id')
  @ApiConsumes('application/json', 'application/merge-patch+json')
  change(@Body() body: unknown) {
    return body;
  }

  @Get('search')
  search(@QueryPairs() pairs: [string, string][]) {
    return pairs;
  }

  @Get('long')
  long() {
    return { text: 'x'.repeat(5000) };
  }

  @Get('broken')
  broken() {
    throw new Error('select secret from /etc/passwd: DETAIL: Failing row contains (Ada, Lovelace)');
  }

  @Get('refused')
  refused() {
    throw new Problem('has-dependents', '2 rooms depend on it.', { extra: { dependents: { rooms: 2 } } });
  }

  @Get(':id')
  one(@Param('id') id: string) {
    return { id };
  }
}

@Injectable()
class Cellar implements ReadinessIndicator {
  static state: Error | null = null;
  readonly name = 'cellar';
  async check() {
    if (Cellar.state) throw Cellar.state;
  }
}

@Module({ controllers: [BuildingsController], providers: [Cellar] })
class BuildingsModule {}

describe('a service', () => {
  let app: NestFastifyApplication;
  const lines: string[] = [];

  beforeAll(async () => {
    app = await createService({
      name: 'buildings',
      title: 'Buildings',
      description: 'A test.',
      module: BuildingsModule,
      config: { PORT: 0, HOST: '127.0.0.1', LOG_LEVEL: 'info' },
      readiness: [Cellar],
      log: { write: (line) => void lines.push(line) },
    });
    await app.init();
    await app.getHttpAdapter().getInstance().ready();
  });
  afterAll(() => app.close());
  beforeEach(() => {
    Cellar.state = null;
    lines.length = 0;
  });

  const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });
  const send = (method: 'POST' | 'PATCH' | 'PUT', url: string, payload: string | Buffer, type = 'application/json') =>
    app.inject({ method, url, payload, headers: { 'content-type': type } });
  const post = (body: unknown) => send('POST', '/v1/buildings', JSON.stringify(body));
  const wood = { name: 'Hall', floors: 3 };

  const expectProblem = (
    response: Awaited<ReturnType<typeof get>>,
    status: number,
    code: string,
    errors?: readonly Record<string, unknown>[],
  ) => {
    expect({ status: response.statusCode, type: response.headers['content-type'], ...response.json() }).toMatchObject({
      status,
      type: `/problems/${code}`,
      code,
      correlation_id: response.headers['x-correlation-id'],
      ...(errors && { errors }),
    });
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
  };

  describe('reading a body', () => {
    it('gives the handler exactly what came', async () => {
      const response = await post({ ...wood, height: null });
      expect([response.statusCode, response.json()]).toEqual([201, { ...wood, height: null }]);
    });

    it('lists everything that is wrong with it, each with what came and what is wanted', async () => {
      expectProblem(await post({ floors: 100, height: 3.555, material: null }), 422, 'invalid', [
        { pointer: '/name', code: 'missing', wanted: 'text, 1 to 10 characters' },
        { pointer: '/floors', code: 'out-of-range', got: 100, wanted: 'a whole number, at least 1, at most 99' },
        {
          pointer: '/height',
          code: 'out-of-range',
          got: 3.555,
          wanted: 'a decimal of at most 1 digits before and 2 after the point or null',
        },
        { pointer: '/material', code: 'null', got: null, wanted: 'one of brick, wood' },
      ]);
    });

    it('tells a wrong type from a wrong length and a wrong choice', async () => {
      expectProblem(await post({ name: 5, floors: '3', height: 'x', material: 'tin' }), 422, 'invalid', [
        { pointer: '/name', code: 'wrong-type' },
        { pointer: '/floors', code: 'wrong-type' },
        { pointer: '/height', code: 'wrong-type' },
        { pointer: '/material', code: 'not-a-choice' },
      ]);
      expectProblem(await post({ name: '', floors: 3 }), 422, 'invalid', [{ pointer: '/name', code: 'wrong-length' }]);
    });

    it.each(['3.5000000000000000001', '1e400', '-1e400'])(
      'refuses the number %s, which no double equals',
      async (got) => {
        const response = await send('POST', '/v1/buildings', `{"name":"H","floors":3,"height":${got}}`);
        expectProblem(response, 422, 'invalid', [{ pointer: '/height', code: 'not-exact', got }]);
      },
    );

    it.each(['3.10', '310e-2', '0.31E1'])('takes the number %s, which a double equals', async (number) => {
      const response = await send('POST', '/v1/buildings', `{"name":"H","floors":3,"height":${number}}`);
      expect(response.json()).toEqual({ name: 'H', floors: 3, height: 3.1 });
    });

    it('refuses U+0000 and half a surrogate pair, and keeps every other text as it is', async () => {
      expectProblem(await post({ ...wood, name: 'a\0b' }), 422, 'invalid', [
        { pointer: '/name', code: 'nul-character' },
      ]);
      const half = await send('POST', '/v1/buildings', '{"name":"\\ud800","floors":3}');
      expectProblem(half, 422, 'invalid', [{ pointer: '/name', code: 'lone-surrogate' }]);
      expect((await post({ ...wood, name: ' \t𝒳é ' })).json()).toMatchObject({ name: ' \t𝒳é ' });
    });

    it('refuses fields that it does not know, prototypes too', async () => {
      expectProblem(await post({ ...wood, colour: 'red' }), 400, 'unknown-field', [{ pointer: '/colour', got: 'red' }]);
      for (const name of ['__proto__', 'constructor', 'toString'])
        expectProblem(
          await send('POST', '/v1/buildings', `{"name":"H","floors":3,"${name}":{}}`),
          400,
          'unknown-field',
        );
    });

    it('refuses a body that is no object', async () => {
      for (const body of ['[]', 'null', '"text"', '5'])
        expectProblem(await send('POST', '/v1/buildings', body), 422, 'invalid', [{ pointer: '' }]);
    });

    it.each([
      ['no JSON', '{"name":'],
      ['nothing', ''],
      ['a member given twice', '{"floors":1,"name":"H","floors":2}'],
      ['a member given twice in different spelling', '{"floors":1,"name":"H","\\u0066loors":2}'],
      ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ])('calls %s malformed', async (_what, body) => {
      expectProblem(await send('POST', '/v1/buildings', body), 400, 'malformed');
    });

    it('does not take a name in two objects, or a colon in a text, for a member given twice', async () => {
      const body = { a: { b: '"b":1,"b":2' }, b: [{ c: 1 }, { c: 1 }] };
      expect((await send('PATCH', '/v1/buildings/1', JSON.stringify(body))).json()).toEqual(body);
    });

    it('takes only the media types that the operation declares', async () => {
      expectProblem(await send('POST', '/v1/buildings', '{}', 'text/plain'), 415, 'unsupported-media-type');
      const type = 'application/merge-patch+json';
      expectProblem(await send('POST', '/v1/buildings', '{}', type), 415, 'unsupported-media-type');
      expect((await send('PATCH', '/v1/buildings/1', '{"a":1}', `${type}; charset=utf-8`)).json()).toEqual({ a: 1 });
    });

    it('refuses more than a mebibyte', async () => {
      expectProblem(await post({ name: 'x'.repeat(2 ** 20) }), 413, 'too-large');
    });
  });

  describe('reading a query', () => {
    it('refuses parameters that the operation does not declare', async () => {
      const error = { parameter: 'colour', got: 'red', wanted: 'one of limit' };
      expectProblem(await get('/v1/buildings?colour=red'), 400, 'unknown-parameter', [error]);
      expectProblem(await get('/v1/buildings/7?colour=red'), 400, 'unknown-parameter', [{ wanted: 'no parameter' }]);
      expectProblem(await get('/health/live?x'), 400, 'unknown-parameter');
    });

    it('checks those that it declares', async () => {
      expect((await get('/v1/buildings?limit=5')).json()).toEqual({ data: [], query: { limit: '5' } });
      const error = { parameter: 'limit', code: 'wrong-format', got: 'many', wanted: 'a whole number or null' };
      expectProblem(await get('/v1/buildings?limit=many'), 422, 'invalid', [error]);
    });

    it('leaves all names to a handler that takes the whole query', async () => {
      expect((await get('/v1/buildings/search?a[gte]=1&a[gte]=%20')).json()).toEqual([
        ['a[gte]', '1'],
        ['a[gte]', ' '],
      ]);
      expectProblem(await get('/v1/buildings/search?a=%ff'), 422, 'invalid');
    });
  });

  describe('finding a resource', () => {
    it('tells an address that nothing has from a method that it does not know', async () => {
      expectProblem(await get('/v1/castles'), 404, 'not-found');
      const response = await send('PUT', '/v1/buildings', '{}');
      expectProblem(response, 405, 'method-not-allowed');
      expect(response.headers['allow']).toBe('GET, HEAD, POST');
      expectProblem(await send('PUT', '/v1/castles', '{'), 404, 'not-found');
    });

    it('calls a path that does not decode malformed, and one that holds U+0000 invalid', async () => {
      expectProblem(await get('/v1/buildings/%E0%A4'), 400, 'malformed');
      expectProblem(await get('/v1/buildings/a%00'), 422, 'invalid', [{ parameter: 'id', code: 'nul-character' }]);
      expectProblem(await get(`/v1/buildings/${'x'.repeat(2000)}`), 404, 'not-found');
    });

    it('answers only in forms that the client accepts', async () => {
      expectProblem(await get('/v1/buildings', { accept: 'text/csv, application/json;q=0' }), 406, 'not-acceptable');
      for (const accept of ['*/*', 'application/*', 'text/html, application/json;q=0.1'])
        expect((await get('/v1/buildings', { accept })).statusCode).toBe(200);
    });
  });

  describe('failing', () => {
    it('tells a refusal with its own members', async () => {
      const response = await get('/v1/buildings/refused');
      expectProblem(response, 409, 'has-dependents');
      expect(response.json()).toMatchObject({ dependents: { rooms: 2 } });
    });

    it('tells nothing of an unforeseen error, and logs it under the correlation id without the row', async () => {
      const response = await get('/v1/buildings/broken?', { 'x-correlation-id': 'c-7' });
      expectProblem(response, 500, 'internal');
      expect(response.body).not.toMatch(/secret|passwd|Ada|\.ts/);
      expect(lines.join('')).toContain('select secret');
      expect(lines.join('')).toContain('"correlation_id":"c-7"');
      expect(lines.join('')).not.toContain('Ada');
    });
  });

  describe('correlating', () => {
    it('answers under the id of the caller, or a new one', async () => {
      const given = await get('/v1/buildings/7', { 'x-correlation-id': 'c-1' });
      expect(given.headers['x-correlation-id']).toBe('c-1');
      expect((await get('/v1/buildings/7')).headers['x-correlation-id']).toMatch(/^[0-9a-f-]{36}$/);
      expectProblem(await get('/nowhere', { 'x-correlation-id': 'c-2' }), 404, 'not-found');
      expectProblem(await get('/%', { 'x-correlation-id': 'c-3' }), 400, 'malformed');
    });

    it('refuses an id that cannot be used', async () => {
      const response = await get('/v1/buildings/7', { 'x-correlation-id': 'a b' });
      expectProblem(response, 422, 'invalid', [{ header: 'X-Correlation-Id', got: 'a b' }]);
    });
  });

  it('logs a request without its query, headers and body', async () => {
    await get('/v1/buildings?limit=5', { 'x-correlation-id': 'c-9', authorization: 'Bearer secret' });
    const line = JSON.parse(lines.join('')) as Record<string, unknown>;
    expect(line).toMatchObject({
      service: 'buildings',
      correlation_id: 'c-9',
      req: { method: 'GET', path: '/v1/buildings' },
      res: { status: 200 },
      msg: 'request completed',
    });
    expect(lines.join('')).not.toMatch(/limit|secret/);
  });

  it('compresses long answers', async () => {
    const headers = { 'accept-encoding': 'gzip' };
    expect((await get('/v1/buildings/long', headers)).headers['content-encoding']).toBe('gzip');
    expect((await get('/v1/buildings/7', headers)).headers['content-encoding']).toBeUndefined();
  });

  describe('its health', () => {
    it('is live and ready while everything answers', async () => {
      expect((await get('/health/live')).json()).toEqual({ status: 'live' });
      const checks = [{ name: 'cellar', status: 'up' }];
      expect((await get('/health/ready')).json()).toEqual({ status: 'ready', checks });
    });

    it('names what is away, and tells no more of it than that', async () => {
      Cellar.state = new Error('connect ECONNREFUSED /run/secret.sock');
      const response = await get('/health/ready');
      expectProblem(response, 503, 'unavailable');
      expect(response.headers['retry-after']).toBe('1');
      expect(response.json()).toMatchObject({ checks: [{ name: 'cellar', status: 'down' }] });
      expect(response.body).not.toContain('secret');
    });

    it('has the code that the indicator gives', async () => {
      Cellar.state = new Problem('source-changed', 'It is another cellar.');
      expectProblem(await get('/health/ready'), 503, 'source-changed');
    });
  });

  it('shows figures of the process and of requests by route', async () => {
    await get('/v1/buildings/7');
    const { body, headers } = await get('/metrics');
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(body).toContain('process_cpu_seconds_total');
    expect(body).toContain('route="/v1/buildings/:id",status="200"');
    expect(body).not.toContain('route="/v1/buildings/7"');
  });

  it('explains every problem on a page', async () => {
    for (const code of problemCodes) {
      const page = await get(`/problems/${code}`, { accept: 'text/html' });
      expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    }
    expectProblem(await get('/problems/none'), 404, 'not-found');
  });

  it('serves Swagger UI with relative addresses, under a policy that lets it run', async () => {
    const page = await get('/docs');
    expect(page.statusCode).toBe(200);
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)]
      .map(([, link]) => link!)
      .filter((l) => !l.startsWith('#'));
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(link).toMatch(/^\.\/docs\//);
    for (const link of links) expect((await get(link.slice(1))).statusCode).toBe(200);
    expect(page.headers['content-security-policy']).toMatch(/script-src 'self';/);
    expect(page.headers['content-security-policy']).not.toContain('upgrade-insecure-requests');
    expect(page.body.replace(/<script src="[^"]+"> <\/script>/g, '')).not.toContain('<script');
  });

  it('serves its OpenAPI 3.1 document, which names no host and no prefix', async () => {
    const document = (await get('/openapi.json')).json<{ paths: object }>();
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '.' }], info: { title: 'Buildings' } });
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/v1/buildings/{id}', '/health/ready']));
  });

  it('answers 503 to everything once it stops', async () => {
    app.get(Readiness).stop();
    expectProblem(await get('/health/ready'), 503, 'unavailable');
    const response = await get('/v1/buildings/7');
    expectProblem(response, 503, 'unavailable');
    expect(response.headers['connection']).toBe('close');
  });
});
