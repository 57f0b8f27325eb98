import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runCli } from './cli.js';

/** A projector that answers what it is told to, in order. */
interface Scene {
  readonly status?: number;
  readonly body: object | string;
}
let scenes: Scene[];
let asked: { method: string; path: string; body: string }[];
let server: Server;
let url: string;

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text;
}

beforeAll(async () => {
  server = createServer(async (request, response) => {
    asked.push({ method: request.method!, path: request.url!, body: await textOf(request) });
    const { status = 200, body } = scenes.shift() ?? { status: 500, body: { code: 'internal', detail: 'not staged' } };
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());
beforeEach(() => {
  [scenes, asked] = [[], []];
});
afterEach(() => expect(scenes).toEqual([]));

const cli = (...args: string[]) => cliUntil(undefined, ...args);

async function cliUntil(interrupted: AbortSignal | undefined, ...args: string[]) {
  const told = { out: '', err: '' };
  const code = await runCli(args, {
    environment: { PROJECTOR_URL: url, CONNECT_URL: url },
    connector: {
      settings: fileURLToPath(new URL('../../../deploy/debezium/connector.json', import.meta.url)),
      tables: async () => ['fields', 'events'],
      proof: 0,
    },
    out: (text) => void (told.out += text),
    err: (text) => void (told.err += text),
    isTerminal: true,
    ...(interrupted && { interrupted }),
  });
  return { code, ...told };
}

const operation = (state: string, more: object = {}) => ({
  ...{ id: '7', table: 'students', state, done: 0, total: null, report: null, failure: null, error: null, ...more },
});

describe('Ctrl-C', () => {
  it('ends the waiting alone, and says how to end the work', async () => {
    scenes = [{ status: 202, body: operation('running') }];
    const interrupting = new AbortController();
    const ended = cliUntil(interrupting.signal, 'verify');
    while (asked.length === 0) await new Promise(setImmediate);
    interrupting.abort();
    const { code, out, err } = await ended;
    expect({ code, out, asked: asked.length }).toEqual({ code: 130, out: '', asked: 1 });
    expect(err).toContain('The verification goes on in the projector');
    expect(err).toContain('cancel 7 ends it');
  });
});

describe('migsbyu cancel', () => {
  const status = {
    operations: [
      { kind: 'fold', id: '6' },
      { kind: 'rebuild', id: '7' },
    ],
  };

  it('ends what runs, whatever kind it is of, and says how it ended', async () => {
    scenes = [{ body: status }, { status: 204, body: '' }, { body: operation('cancelled') }];
    expect(await cli('cancel', '7')).toEqual({ code: 0, out: 'The rebuild of students was cancelled.\n', err: '' });
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      ...['GET /v1/status', 'DELETE /v1/rebuilds/7', 'GET /v1/rebuilds/7'],
    ]);
  });

  it('too late says that it was done', async () => {
    scenes = [{ body: status }, { status: 204, body: '' }, { body: operation('done', { report: { position: 3 } }) }];
    const { code, out } = await cli('cancel', '7', '--json');
    expect({ code, out: JSON.parse(out) }).toMatchObject({ code: 0, out: { kind: 'rebuild', state: 'done' } });
  });

  it('of what does not run fails, and says where to look', async () => {
    scenes = [{ body: status }];
    expect(await cli('cancel', '8')).toMatchObject({ code: 1, err: expect.stringMatching(/"8" is running; status/) });
  });
});

describe('migsbyu rebuild', () => {
  it('begins, shows how far it is, and prints what came of it', async () => {
    const report = { position: 10, changes: 9, columns: { added: ['soil'], dropped: [] }, differences: { changed: 0 } };
    scenes = [
      { status: 202, body: operation('running') },
      { body: operation('running', { done: 5, total: 10 }) },
      { body: operation('done', { done: 10, total: 10, report }) },
    ];
    const { code, out, err } = await cli('rebuild', 'students');
    expect(asked).toEqual([
      { method: 'POST', path: '/v1/rebuilds', body: '{"table":"students"}' },
      { method: 'GET', path: '/v1/rebuilds/7', body: '' },
      { method: 'GET', path: '/v1/rebuilds/7', body: '' },
    ]);
    expect(code).toBe(0);
    expect(out).toBe(`The rebuild of students is done.
position              10
changes               9
columns: added        soil
differences: changed  0
`);
    expect(err).toContain('5 of 10 (50 %)');
  });

  it('prints one JSON object where a program asks', async () => {
    const ended = operation('done', { report: { position: 10 } });
    scenes = [{ status: 202, body: ended }];
    const { code, out, err } = await cli('rebuild', 'students', '--json');
    expect({ code, out: JSON.parse(out), err }).toEqual({ code: 0, out: ended, err: '' });
  });

  it('fails with the work', async () => {
    scenes = [{ status: 202, body: operation('failed', { failure: 'ENOSPC', error: 'no space left on device' }) }];
    expect(await cli('rebuild', 'students')).toEqual({
      ...{ code: 1, out: '', err: 'The rebuild of students failed (ENOSPC): no space left on device\n' },
    });
  });

  it('fails where somebody cancels it', async () => {
    scenes = [{ status: 202, body: operation('running') }, { body: operation('cancelled') }];
    expect(await cli('rebuild', 'students')).toMatchObject({ code: 1, out: '' });
  });

  it('tells why the projector refused', async () => {
    const problem = {
      code: 'already-running',
      detail: 'A rebuild of students is running already.',
      running: '/v1/rebuilds/3',
    };
    scenes = [{ status: 409, body: problem }];
    const { code, out, err } = await cli('rebuild', 'students', '--json');
    expect({ code, out: JSON.parse(out), err }).toEqual({
      code: 1,
      out: { error: problem },
      err: `${problem.detail}\n`,
    });
  });

  it('takes a table that the catalog does not have for a wrong command line', async () => {
    scenes = [{ status: 422, body: { code: 'invalid', detail: 'table is "x"; wanted is one of students.' } }];
    expect(await cli('rebuild', 'x')).toMatchObject({ code: 2, err: 'table is "x"; wanted is one of students.\n' });
  });

  it('says that the projector restarted when it does not know of it any more', async () => {
    scenes = [
      { status: 202, body: operation('running') },
      { status: 503, body: { code: 'unavailable', detail: 'The service is stopping.' } },
      { status: 404, body: { code: 'not-found', detail: 'There is no such rebuild.' } },
    ];
    const { code, err } = await cli('rebuild', 'students');
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringMatching(/restarted.*Ask for it again/) });
  });
});

describe('migsbyu verify', () => {
  it.each([
    [['verify'], '{}', { equal: true }, 0],
    [['verify', 'students'], '{"table":"students"}', { equal: true }, 0],
    [['verify', 'students'], '{"table":"students"}', { equal: false, tables: [{ missing: 1 }] }, 1],
  ])('%j asks with %s, and exits by what it finds', async (args, body, report, code) => {
    scenes = [{ status: 202, body: operation('done', { report }) }];
    expect(await cli(...args)).toMatchObject({ code });
    expect(asked).toEqual([{ method: 'POST', path: '/v1/verifications', body }]);
  });
});

describe('what people read', () => {
  it('is a table of what was verified, and where to find examples', async () => {
    const table = { table: 'students', rows: 1000, missing: 1, absent_columns: [], examples: [{ key: ['A'] }] };
    const tables = [table, { ...table, table: 'rooms', rows: 7, missing: 0, examples: [] }];
    scenes = [{ status: 202, body: operation('done', { table: null, report: { equal: false, position: 9, tables } }) }];
    expect(await cli('verify')).toEqual({
      ...{ code: 1, out: '' },
      err: `The verification of all tables is done.
equal     false
position  9

table     rows  missing
students  1000        1
rooms        7        0

--json shows examples.
`,
    });
  });
});

describe('migsbyu', () => {
  it.each([
    ['fold', '/v1/folds'],
    ['resnapshot', '/v1/resnapshots'],
  ])('%s is POST %s', async (name, path) => {
    scenes = [{ status: 202, body: operation('done', { table: null, report: { folded: 3 } }) }];
    const { code, out } = await cli(name);
    expect({ code, out }).toEqual({ code: 0, out: `The ${name} of all tables is done.\nfolded  3\n` });
    expect(asked).toEqual([{ method: 'POST', path, body: '' }]);
  });

  it('status shows each table and what is running', async () => {
    const fine = { table: 'students', folded: 90, drifted: false, fold_error: null };
    const status = {
      ...{ state: 'streaming', error: null, position: 100, watermark: { time: '2026-03-01T08:00:00.000000Z' } },
      tables: [fine, { ...fine, table: 'rooms', folded: 7, drifted: true }],
      operations: [{ kind: 'rebuild', id: '6f9d2e52', table: 'rooms', done: 40, total: 100 }],
    };
    scenes = [{ body: status }, { body: status }];
    expect(await cli('status')).toEqual({
      ...{ code: 0, err: '' },
      out: `state      streaming
position   100
final to   2026-03-01T08:00:00.000000Z

table     folded  behind  state
students      90      10  fine
rooms          7      93  made by another catalog, waits for its rebuild

running  table  done   of  id
rebuild  rooms    40  100  6f9d2e52
`,
    });
    const { out } = await cli('--json', 'status');
    expect(JSON.parse(out)).toEqual(status);
  });

  it('takes its address from the command line before the environment, with a prefix and a slash at its end', async () => {
    scenes = [{ body: { state: 'opening', error: null, position: null, watermark: null, tables: [], operations: [] } }];
    const { code, out } = await cli('status', '--projector', `${url}/api/projector/`);
    expect(code).toBe(0);
    expect(out).toContain('position   -');
    expect(asked).toEqual([{ method: 'GET', path: '/api/projector/v1/status', body: '' }]);
  });

  it('tells when nothing answers', async () => {
    const { code, out, err } = await cli('status', '--json', '--projector', 'http://127.0.0.1:1');
    expect(code).toBe(3);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'unreachable' } });
    expect(err).toMatch(/No projector answers at http:\/\/127.0.0.1:1: .*--projector/);
  });

  it('tells when what answers is no projector', async () => {
    scenes = [{ body: '<!doctype html>' }, { status: 404, body: '{"error":"no such page"}' }];
    for (const name of ['status', 'fold'])
      expect(await cli(name)).toMatchObject({ code: 3, err: expect.stringMatching(/its answer is/) });
  });

  it.each([[['rebuild']], [['rebuild', 'a', 'b']], [['fold', 'students']], [['burn']], [['status', '--yaml']], [[]]])(
    'takes %j for a wrong command line, and asks nothing',
    async (args) => {
      const { code, out, err } = await cli(...args);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).not.toBe('');
      expect(asked).toEqual([]);
    },
  );

  it.each(['localhost:8603', '8603', 'ftp://localhost'])('takes %s for no address', async (address) => {
    const { code, err } = await cli('status', '--projector', address);
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/wanted is one like http:/) });
  });

  it('helps', async () => {
    const { code, out } = await cli('--help');
    expect(code).toBe(0);
    for (const name of ['status', 'fold', 'rebuild <table>', 'resnapshot', 'verify [table]', '--json', 'PROJECTOR_URL'])
      expect(out).toContain(name);
    expect(out).toMatch(/Exit codes:[^]*3  nothing answers/);
    expect((await cli('rebuild', '--help')).out).toContain('Make a table’s versions anew');
  });
});

describe('migsbyu connector', () => {
  const status = (task: object) => ({ connector: { state: 'RUNNING' }, tasks: [task] });

  const running = { body: status({ state: 'RUNNING' }) };
  const failed = { body: status({ state: 'FAILED', trace: 'slot "migsbyu" does not exist' }) };
  const requests = () => asked.map(({ method, path }) => `${method} ${path.replace('/connectors/campus', '')}`);

  it('apply registers what the files and the catalog say, and shows how it is', async () => {
    scenes = [
      { status: 404, body: {} },
      { status: 201, body: {} },
      { status: 404, body: {} }, // it answers before it has begun
      { body: { connector: { state: 'RUNNING' }, tasks: [] } },
      running,
      running,
    ];
    const { code, out } = await cli('connector', '--name', 'campus', 'apply');
    expect({ code, out }).toEqual({
      code: 0,
      out: 'Connector campus was created.\nConnector campus is RUNNING, its task RUNNING.\n',
    });
    expect(requests()).toEqual(['GET /config', 'PUT /config', ...Array<string>(4).fill('GET /status')]);
    expect(JSON.parse(asked[1]!.body)).toMatchObject({
      'table.include.list': 'public.fields,public.events',
      'publication.autocreate.mode': 'disabled',
      'database.password': '${env:DATABASE_PASSWORD}',
    });
  });

  /** What the first `apply` puts, as Connect gives it back. */
  const applied = async () => {
    scenes = [{ status: 404, body: {} }, { status: 201, body: {} }, running, running];
    await cli('connector', '--name', 'campus', 'apply');
    const config = JSON.parse(asked[1]!.body) as object;
    asked = [];
    return { ...config, name: 'campus' };
  };

  it('apply leaves alone what is so already', async () => {
    scenes = [{ body: await applied() }, running, running];
    const { code, out } = await cli('connector', '--name', 'campus', 'apply');
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/campus is as the files.*say\.\n/) });
    expect(requests()).toEqual(['GET /config', 'GET /status', 'GET /status']);
  });

  it('apply brings up to date what is otherwise', async () => {
    const body = { ...(await applied()), 'tasks.max': '2' };
    scenes = [{ body }, { body: {} }, running, running, running];
    expect(await cli('connector', '--name', 'campus', 'apply')).toMatchObject({
      ...{ code: 0, out: expect.stringMatching(/^Connector campus was updated\.\n/) },
    });
    expect(JSON.parse(asked[1]!.body)).toMatchObject({ 'tasks.max': '1' });
  });

  it.each([
    ['FAILED', 'POST /restart?includeTasks=true&onlyFailed=false'],
    ['PAUSED', 'PUT /resume'],
  ])('apply starts again what is %s', async (state, request) => {
    const halted = { body: { connector: { state: state === 'FAILED' ? 'RUNNING' : state }, tasks: [{ state }] } };
    scenes = [{ body: await applied() }, halted, halted, { status: 202, body: '' }, running, running];
    const { code, out } = await cli('connector', '--name', 'campus', 'apply', '--json');
    expect(requests()[3]).toBe(request);
    expect({ code, answer: JSON.parse(out) }).toEqual({
      code: 0,
      answer: {
        ...{ name: 'campus', change: 'unchanged', restarted: true },
        ...{ connector: 'RUNNING', task: 'RUNNING', trace: null },
      },
    });
  });

  it('apply fails where the task fails again', async () => {
    scenes = [{ body: await applied() }, failed, failed, { status: 202, body: '' }, running, failed];
    expect(await cli('connector', '--name', 'campus', 'apply')).toMatchObject({
      ...{ code: 1, err: expect.stringContaining('its task FAILED.\nslot "migsbyu" does not exist') },
    });
  });

  it('status says why the task failed, and what to do', async () => {
    scenes = [{ body: status({ state: 'FAILED', trace: 'slot "migsbyu" does not exist' }) }];
    const { code, err } = await cli('connector', 'status');
    expect(code).toBe(1);
    expect(err).toContain('its task FAILED.\nslot "migsbyu" does not exist\nWhen the cause is gone: migsbyu connector');
  });

  it('status says that there is none', async () => {
    scenes = [{ status: 404, body: {} }];
    expect(await cli('connector', 'status')).toMatchObject({
      ...{ code: 1, err: 'There is no connector migsbyu. Register it: migsbyu connector apply\n' },
    });
  });

  it('restart asks for connector and task, and prints JSON where that is wanted', async () => {
    scenes = [failed, failed, { status: 204, body: '' }, running, running];
    const { out } = await cli('--json', 'connector', 'restart');
    expect(asked[2]!.path).toBe('/connectors/migsbyu/restart?includeTasks=true&onlyFailed=false');
    expect(JSON.parse(out)).toMatchObject({ name: 'migsbyu', restarted: true, connector: 'RUNNING', trace: null });
  });

  it('restart says that there is none', async () => {
    scenes = [{ status: 404, body: {} }];
    expect(await cli('connector', 'restart')).toMatchObject({
      ...{ code: 1, err: expect.stringMatching(/^There is no connector migsbyu\./) },
    });
  });

  it('ends with 3 where nothing answers', async () => {
    expect(await cli('connector', '--connect', 'http://127.0.0.1:1', 'status')).toMatchObject({
      ...{ code: 3, err: expect.stringMatching(/^Kafka Connect at http:\/\/127\.0\.0\.1:1: it does not answer\b/) },
    });
  });

  it('ends with 2 where the address is none', async () => {
    expect(await cli('connector', '--connect', 'nonsense', 'apply')).toMatchObject({
      ...{ code: 2, err: 'The address of Kafka Connect is "nonsense"; wanted is one like http://127.0.0.1:8083.\n' },
    });
  });

  it.each([
    [
      'Failed to find any class that implements Connector and which name matches io.debezium.X, available connectors are: PluginDesc{many}',
      'it does not know the class io.debezium.X: put the Debezium connector (deploy/kafka/pom.xml) on its class path.',
    ],
    [
      "The 'database.hostname' value is invalid: ${env:DATABASE_HOST} has; ${env:KAFKA_TOPIC}; ${env:KAFKA_TOPIC} has",
      'its environment lacks DATABASE_HOST, KAFKA_TOPIC, which deploy/debezium/connector.json asks for.',
    ],
    ['The configuration is invalid', 'it refuses (400): The configuration is invalid'],
  ])('ends with 1 and a sentence where Connect says %j', async (message, sentence) => {
    scenes = [
      { status: 404, body: {} },
      { status: 400, body: { error_code: 400, message } },
    ];
    expect(await cli('connector', 'apply')).toMatchObject({ code: 1, err: `Kafka Connect at ${url}: ${sentence}\n` });
  });
});

describe('migsbyu status', () => {
  const status = {
    ...{ state: 'streaming', error: null, position: 9, watermark: { time: '2026-03-01T08:00:00.000000Z' } },
    ...{ tables: [], operations: [] },
  };
  const slot = { slot: 'fields', status: 'reserved', active: true, retained_bytes: 3 << 20, limit_bytes: 2 ** 32 };
  const source = { lag_seconds: 0.84, slot, topic: null, connector: null, troubles: [] };
  const head = 'state      streaming\nposition   9\nfinal to   2026-03-01T08:00:00.000000Z\n';

  it('shows the way through a slot', async () => {
    scenes = [{ body: { ...status, source } }];
    expect(await cli('status')).toMatchObject({
      ...{ code: 0, out: `${head}lag        0.8 s\nslot       fields: reserved, read, keeps 3 MB of 4096 MB\n` },
    });
  });

  it('shows the way through Kafka, and what is wrong with it', async () => {
    const through = {
      ...{ lag_seconds: null, slot: { ...slot, status: null, active: false, limit_bytes: null } },
      topic: { topic: 'campus', end: 7, consumed: 4, lag: 3 },
      connector: { connector: 'capture', state: 'RUNNING', task: 'FAILED' },
      troubles: ['The slot is lost.'],
    };
    scenes = [{ body: { ...status, source: through } }];
    const { out } = await cli('status');
    expect(out.slice(head.length)).toBe(
      [
        'lag        -',
        'connector  capture: RUNNING, task FAILED',
        'topic      campus: 3 records to read',
        'slot       fields: missing',
        'trouble    The slot is lost.\n',
      ].join('\n'),
    );
  });
});
