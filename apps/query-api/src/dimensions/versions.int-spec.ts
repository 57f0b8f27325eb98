/** The HTTP answers over a lake of a few hand-written versions, in an in-memory DuckDB behind the Reader's port. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { checkCatalog, type Catalog, type Table } from '#libs/catalog';
import { encodeConsistencyToken, type ConsistencyToken } from '#libs/consistency-token';
import { openDuckDb, type Watermark } from '#libs/lake';
import { formatInstant } from '#libs/list-query';
import { createService, parseConfig } from '#libs/service';
import { CATALOG } from '../catalog/catalog.controller.js';
import { readRows } from '../follower/duckdb-value.js';
import type { Drift } from '../follower/catalog-drift.js';
import { LakeUnavailable, TailTooLong } from '../follower/lake-unavailable.js';
import { READER, type Freshness, type Moment, type Reader, type ReadSession } from '../follower/reader.js';
import { withCatalogSchemas } from '../openapi.js';
import { QueryApiModule } from '../query-api.module.js';
import { variables } from '../config.js';

const text = { label: 'x', description: 'x' };

const buildings: Table = {
  table: 'buildings',
  name: 'building',
  kind: 'dimension',
  label: 'Buildings',
  description: 'Where things are.',
  key: ['campus', 'number'],
  columns: [
    { name: 'campus', type: 'text', ...text, example: 'North' },
    { name: 'number', type: 'smallint', ...text, example: 1 },
    { name: 'height', type: 'numeric(5,2)', nullable: true, ...text },
    { name: 'worth', type: 'numeric(20,2)', nullable: true, ...text },
    { name: 'opened', type: 'date', ...text },
    { name: 'surveyed', type: 'timestamptz', nullable: true, ...text },
    { name: 'listed', type: 'boolean', ...text },
    { name: 'steps', type: 'bigint', ...text },
  ],
};

const keepers: Table = {
  table: 'keepers',
  name: 'keeper',
  kind: 'relationship',
  label: 'Keepers',
  description: 'Who keeps what.',
  key: ['since', 'by_night'],
  columns: [
    { name: 'since', type: 'timestamptz', ...text },
    { name: 'by_night', type: 'boolean', ...text },
  ],
};

const catalog: Catalog = checkCatalog({ name: 'estate', tables: [buildings, keepers] });

/** Effective time of the transaction that ends at a position: one minute a position. */
const noon = 1_772_366_400_000_000n; // 2026-03-01T12:00:00Z
const effective = (position: number) => noon + BigInt(position) * 60_000_000n;
const instant = (position: number) => formatInstant(effective(position));

/** Last positions of the transactions; the one that ends at 5 has the changes 3 to 5. */
const ends = [1, 2, 5, 6];

interface Version {
  readonly key: number;
  readonly campus: string;
  readonly number: number;
  readonly height: string | null;
  readonly opened_tx: number;
  readonly closed_tx: number | null;
}

const versions: readonly Version[] = [
  { key: 1, campus: 'North', number: 1, height: '10.50', opened_tx: 1, closed_tx: 3 },
  { key: 2, campus: 'North', number: 2, height: null, opened_tx: 2, closed_tx: 6 },
  { key: 4, campus: 'North', number: 1, height: '12.00', opened_tx: 3, closed_tx: null },
  { key: 5, campus: 'South/East', number: 1, height: '3.90', opened_tx: 3, closed_tx: null },
];

/** Keys of unknown state from position 2 on, in the source's texts; the last is no key of its table. */
const unknown = ['["West","9"]', '["2026-03-01 08:00:00.5+00","f"]', '["West","infinity"]'];

class HandWrittenLake implements Reader {
  position = 6;
  failure: Error | null = null;
  drift: Drift | null = null;
  watermark: Watermark | null = null;
  opened = true;

  constructor(private readonly connection: DuckDBConnection) {}

  static async open(connection: DuckDBConnection): Promise<HandWrittenLake> {
    const end = (tx: number) => ends.find((position) => position >= tx)!;
    const row = ({ key, campus, number, height, opened_tx, closed_tx }: Version) => `(
      ${key}, '${campus}', ${number}, ${height}, 1234567890123456.70, '0044-03-15', '2026-03-01 08:00:00.123456+00', false,
      9007199254740993, make_timestamptz(${effective(end(opened_tx))}),
      ${closed_tx === null ? null : `make_timestamptz(${effective(end(closed_tx))})`}, ${opened_tx}, ${closed_tx}, 'ada', NULL)`;
    await connection.run(`CREATE TABLE buildings (building_key BIGINT, campus VARCHAR, number SMALLINT, height DECIMAL(5,2),
      worth DECIMAL(20,2), opened DATE, surveyed TIMESTAMPTZ, listed BOOLEAN, steps BIGINT, valid_from TIMESTAMPTZ,
      valid_to TIMESTAMPTZ, opened_tx BIGINT, closed_tx BIGINT, actor VARCHAR, command VARCHAR)`);
    await connection.run(`CREATE TABLE keepers (keeper_key BIGINT, since TIMESTAMPTZ, by_night BOOLEAN, valid_from TIMESTAMPTZ,
      valid_to TIMESTAMPTZ, opened_tx BIGINT, closed_tx BIGINT, actor VARCHAR, command VARCHAR)`);
    await connection.run(`INSERT INTO buildings VALUES ${versions.map(row).join(', ')}`);
    return new HandWrittenLake(connection);
  }

  /** As the port promises: everything up to the cut, and nothing of what comes later. */
  private relation({ table }: Table, position: number): string {
    const ended = `closed_tx <= ${position}`;
    return `(SELECT * REPLACE (CASE WHEN ${ended} THEN valid_to END AS valid_to, CASE WHEN ${ended} THEN closed_tx END AS closed_tx),
      closed_tx IS NULL OR closed_tx > ${position} AS is_current FROM ${table} WHERE opened_tx <= ${position})`;
  }

  async read<T>(work: (session: ReadSession) => Promise<T>): Promise<T> {
    if (!this.opened) throw new LakeUnavailable('It is away.', { cause: new Error('ENOENT: /secret/place') });
    const { position, connection, watermark } = this;
    const cutAt = (allowed: (end: number) => boolean): Promise<Moment | null> => {
      const last = ends.filter((end) => end <= position && allowed(end)).at(-1);
      return Promise.resolve(last === undefined ? null : { position: last, effectiveAt: effective(last) });
    };
    return work({
      cut: { position, effectiveAt: effective(position), watermark },
      current: (table) => `(SELECT * FROM ${this.relation(table, position)} WHERE is_current)`,
      asOf: (table, at) =>
        `(SELECT * FROM ${this.relation(table, position)} WHERE opened_tx <= ${at} AND (closed_tx IS NULL OR closed_tx > ${at}))`,
      versions: (table) => this.relation(table, position),
      cutAtPosition: (wanted) => cutAt((end) => end <= wanted),
      cutAtTime: (microseconds) => cutAt((end) => effective(end) <= microseconds),
      quarantined: (_table, key, at) => Promise.resolve(unknown.includes(JSON.stringify(key)) && at >= 2),
      rows: (sql, parameters) => readRows(connection, sql, parameters),
    });
  }

  async waitForPosition(position: number, milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (this.position < position && performance.now() < deadline) await sleep(5);
    return this.position >= position;
  }

  /** A token's xid stands for its position here. */
  waitFor({ xid }: ConsistencyToken, milliseconds: number): Promise<boolean> {
    return this.waitForPosition(Number(xid), milliseconds);
  }

  freshness(): Freshness {
    const { position, watermark, opened: ready } = this;
    const folds = [{ table: 'buildings', position: 2, ageSeconds: 1.5, drift: this.drift }];
    return {
      position,
      effectiveAt: effective(position),
      lagPositions: 0,
      lagSeconds: 2,
      folds,
      watermark,
      ready,
      reason: null,
      failure: this.failure,
      tailChanges: 0,
    };
  }
}

const token = (position: number) =>
  encodeConsistencyToken({
    system_identifier: '1',
    timeline: 1,
    database: 'd',
    xid: String(position),
    lsn: '0/1',
    issued_at: '2026-03-01T08:00:00.000000Z',
  });

let instance: DuckDBInstance;
let lake: HandWrittenLake;
let app: NestFastifyApplication;

beforeAll(async () => {
  instance = await openDuckDb({ threads: 1 });
  const config = parseConfig(variables, { PORT: '0', LOG_LEVEL: 'silent' });
  lake = await HandWrittenLake.open(await instance.connect());
  app = await createService({
    name: 'query-api',
    title: 'Query API',
    description: 'x',
    config,
    module: {
      module: class TestModule {},
      controllers: QueryApiModule.of(config, catalog).module.controllers!,
      providers: [
        { provide: READER, useValue: lake },
        { provide: CATALOG, useValue: catalog },
      ],
    },
    openapi: withCatalogSchemas(catalog),
  });
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
}, 30_000);

afterAll(async () => {
  await app?.close();
  instance?.closeSync();
});

beforeEach(() => {
  Object.assign(lake, { position: 6, watermark: null, opened: true });
});

interface Body {
  readonly data: Record<string, unknown>[] & Record<string, unknown>;
  readonly page: { next_cursor: string | null; total?: number };
  readonly as_of: { position: number; time: string | null; final: boolean };
  readonly code: string;
  readonly errors: Record<string, unknown>[];
  readonly detail: string;
}

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await app.inject({ method: 'GET', url: path, headers });
  return { status: response.statusCode, headers: response.headers, body: response.json<Body>() };
}

const keysOf = ({ body }: { body: Body }) => body.data.map(({ building_key }) => building_key);

/** A list page by page, as a client follows it; `between` runs before each further page. */
async function follow(path: string, between: () => void = () => {}): Promise<{ keys: unknown[]; pages: Body[] }> {
  const pages: Body[] = [];
  for (let next: string | undefined = path; next; between()) {
    const { status, body, headers } = await get(next);
    expect(status).toBe(200);
    pages.push(body);
    next = /^<(.*)>; rel="next"$/.exec(String(headers['link']))?.[1];
    expect(next?.includes('cursor=') ?? false).toBe(body.page.next_cursor !== null);
  }
  return { keys: pages.flatMap(({ data }) => data.map(({ building_key }) => building_key)), pages };
}

describe('a list of versions', () => {
  it('shows what is in force now, by key, and says as of when', async () => {
    const { status, body, headers } = await get('/v1/dimensions/buildings?count=true');
    expect(status).toBe(200);
    expect(body).toEqual({
      data: [
        {
          building_key: 4,
          campus: 'North',
          number: 1,
          height: 12,
          worth: '1234567890123456.70',
          opened: '0044-03-15',
          surveyed: '2026-03-01T08:00:00.123456Z',
          listed: false,
          steps: '9007199254740993',
          valid_from: instant(5),
          valid_to: null,
          opened_tx: 3,
          closed_tx: null,
          actor: 'ada',
          command: null,
          is_current: true,
        },
        expect.objectContaining({ building_key: 5, height: 3.9 }),
      ],
      page: { next_cursor: null, total: 2 },
      as_of: { position: 6, time: instant(6), final: true },
    });
    expect(headers).toMatchObject({ 'as-of-position': '6', 'as-of-time': instant(6), 'as-of-final': 'true' });
    expect(headers['link']).toBeUndefined();
  });

  it('filters and sorts by any column of a version, and shows the fields asked for', async () => {
    const all = '/v1/dimensions/buildings?versions=all';
    expect(keysOf(await get(`${all}&sort=-height`))).toEqual([4, 1, 5, 2]);
    expect(keysOf(await get(`${all}&valid_to[is_null]=false&closed_tx[lt]=6`))).toEqual([1]);
    expect(keysOf(await get(`${all}&is_current=true&worth=1234567890123456.7&steps[gt]=9007199254740992`))).toEqual([
      4, 5,
    ]);
    expect(
      keysOf(await get(`${all}&surveyed=2026-03-01T09:00:00.123456%2B01:00&opened[lte]=0044-03-15&height[in]=3.9`)),
    ).toEqual([5]);
    const { body } = await get(`${all}&fields=height,campus&sort=-building_key&limit=1`);
    expect(body.data).toEqual([{ campus: 'South/East', height: 3.9 }]);
  });

  it('is empty for a table without versions', async () => {
    expect((await get('/v1/relationships/keepers?sort=-since')).body).toMatchObject({
      data: [],
      as_of: { position: 6 },
    });
  });

  it('is empty at a moment before the first transaction', async () => {
    const { body, headers } = await get('/v1/dimensions/buildings?as_of=0');
    expect(body).toEqual({ data: [], page: { next_cursor: null }, as_of: { position: 0, time: null, final: true } });
    expect(headers['as-of-time']).toBeUndefined();
  });

  it('refuses parameters that it does not know and values that cannot be', async () => {
    expect(await get('/v1/dimensions/buildings?wat=1')).toMatchObject({
      status: 400,
      body: { code: 'unknown-parameter' },
    });
    expect(await get('/v1/dimensions/buildings?height=1.234&as_of=1')).toMatchObject({
      status: 422,
      body: { code: 'invalid', errors: [{ parameter: 'height', code: 'out-of-range' }] },
    });
    expect(await get('/v1/dimensions/buildings?versions=some')).toMatchObject({
      status: 422,
      body: { code: 'invalid' },
    });
    const { status, body } = await get('/v1/dimensions/buildings?as_of=yesterday&wait=11&consistency_token=x', {
      'consistency-token': 'y',
    });
    expect([status, body.errors.map((error) => error['parameter'] ?? error['header'])]).toEqual([
      422,
      ['as_of', 'consistency_token', 'wait', 'Consistency-Token'],
    ]);
  });
});

describe('a moment', () => {
  const at = async (asOf: string) => {
    const answer = await get(`/v1/dimensions/buildings?sort=building_key&as_of=${asOf}`);
    return [answer.body.as_of?.position, keysOf(answer), answer.body.as_of?.final];
  };

  it('is a position; inside a transaction, the end of the one before', async () => {
    expect(await at('1')).toEqual([1, [1], true]);
    expect(await at('2')).toEqual([2, [1, 2], true]);
    expect(await at('4')).toEqual([2, [1, 2], true]);
    expect(await at('5')).toEqual([5, [2, 4, 5], true]);
  });

  it('is an instant, to the microsecond, or a day', async () => {
    const before = formatInstant(effective(5) - 1n);
    expect(await at(before)).toEqual([2, [1, 2], true]);
    expect(await at(instant(5))).toEqual([5, [2, 4, 5], true]);
    expect(await at('2026-03-01')).toEqual([0, [], true]);
    expect(await at('2026-03-02')).toEqual([6, [4, 5], false]);
  });

  it('is final as far as the last transaction or the watermark reaches', async () => {
    expect(await at(instant(6))).toEqual([6, [4, 5], true]);
    const later = formatInstant(effective(6) + 1n);
    expect(await at(later)).toEqual([6, [4, 5], false]);
    const time = effective(6) + 1n;
    lake.watermark = { epoch: '{}', lsn: 1, position: 6, source_time: time, time };
    expect(await at(later)).toEqual([6, [4, 5], true]);
    expect(await at(formatInstant(time + 1n))).toEqual([6, [4, 5], false]);
  });

  it('shows nothing that came later, so that its answer never changes', async () => {
    const paths = ['as_of=2', 'as_of=2&versions=all', 'as_of=5&versions=all&valid_to[is_null]=true'].map(
      (query) => `/v1/dimensions/buildings?${query}`,
    );
    const ask = () =>
      Promise.all([...paths, '/v1/dimensions/buildings/North/1/history?as_of=2'].map((path) => get(path)));
    const later = (await ask()).map(({ body }) => body);
    lake.position = 5;
    expect((await ask()).map(({ body }) => body)).toEqual(later);
    expect(later[0]!.data).toMatchObject([{ building_key: 1, valid_to: null, closed_tx: null, is_current: true }, {}]);
  });

  it('is asked for as of a token: now, but not before its command', async () => {
    expect(await at(token(6))).toEqual([6, [4, 5], true]);
  });
});

describe('pages', () => {
  it('show the first page as long as they are followed, whatever comes', async () => {
    lake.position = 5;
    const { keys, pages } = await follow('/v1/dimensions/buildings?limit=1&sort=-height', () => (lake.position = 6));
    expect(keys).toEqual([4, 5, 2]);
    expect(pages.map((page) => page.as_of)).toEqual(pages.map(() => ({ position: 5, time: instant(5), final: true })));
  });

  it('of a moment that is not final stay so', async () => {
    lake.position = 5;
    const { keys, pages } = await follow(
      '/v1/dimensions/buildings?limit=2&as_of=2030-01-01',
      () => (lake.position = 6),
    );
    expect(keys).toEqual([4, 2, 5]);
    expect(pages.map(({ as_of }) => [as_of.position, as_of.final])).toEqual([
      [5, false],
      [5, false],
    ]);
  });

  it('skip from the start, then go on by cursor', async () => {
    expect((await follow('/v1/dimensions/buildings?versions=all&sort=building_key&limit=1&skip=2')).keys).toEqual([
      4, 5,
    ]);
  });

  it('are refused for other filters, another moment or another list', async () => {
    const { body } = await get('/v1/dimensions/buildings?limit=1&as_of=2');
    const cursor = `cursor=${body.page.next_cursor}`;
    expect(keysOf(await get(`/v1/dimensions/buildings?as_of=2&${cursor}`))).toEqual([2]);
    expect(keysOf(await get(`/v1/dimensions/buildings?${cursor}`))).toEqual([2]);
    const others = ['as_of=5&', 'height[gt]=1&', 'versions=all&'].map(
      (other) => `/v1/dimensions/buildings?${other}${cursor}`,
    );
    for (const path of [...others, `/v1/dimensions/buildings/North/1/history?as_of=2&${cursor}`])
      expect(await get(path)).toMatchObject({ status: 400, body: { code: 'cursor-mismatch' } });
  });
});

describe('one key', () => {
  it('is found by all parts of its key, decoded, as of any moment', async () => {
    const { status, body, headers } = await get('/v1/dimensions/buildings/South%2FEast/1');
    expect([status, body.data['building_key'], body.as_of.position]).toEqual([200, 5, 6]);
    expect(headers['as-of-position']).toBe('6');
    expect((await get('/v1/dimensions/buildings/North/1?as_of=2')).body.data).toMatchObject({
      building_key: 1,
      height: 10.5,
    });
  });

  it('is not found where no version is in force, and says if its value is unknown', async () => {
    expect(await get('/v1/dimensions/buildings/North/2')).toMatchObject({ status: 404, body: { code: 'not-found' } });
    expect(await get('/v1/dimensions/buildings/West/9')).toMatchObject({ status: 404, body: { code: 'quarantined' } });
    expect(await get('/v1/dimensions/buildings/West/9?as_of=1')).toMatchObject({
      status: 404,
      body: { code: 'not-found' },
    });
    expect(await get('/v1/dimensions/buildings/West/9/history')).toMatchObject({
      status: 404,
      body: { code: 'quarantined' },
    });
  });

  it('of unknown state is recognised by the texts of the source', async () => {
    for (const path of [
      'relationships/keepers/2026-03-01T09:00:00.5+01:00/false',
      'dimensions/buildings/West/infinity',
    ])
      expect(await get(`/v1/${path}`)).toMatchObject({ status: 404, body: { code: 'quarantined' } });
    expect((await get('/v1/relationships/keepers/2026-03-01T08:00:00Z/false')).body.code).toBe('not-found');
  });

  it('is refused where a part is no value of its column', async () => {
    expect(await get('/v1/dimensions/buildings/North/x?as_of=2')).toMatchObject({
      status: 422,
      body: { code: 'invalid', errors: [{ parameter: 'number', got: 'x' }] },
    });
    expect((await get('/v1/dimensions/buildings/a%00b/1')).status).toBe(422);
    expect((await get('/v1/dimensions/buildings/North/1?limit=1')).body.code).toBe('unknown-parameter');
  });

  it('has a history, newest first, of all its versions', async () => {
    const { keys, pages } = await follow('/v1/dimensions/buildings/North/1/history?limit=1');
    expect(keys).toEqual([4, 1]);
    expect(pages[1]!.data[0]).toMatchObject({
      valid_from: instant(1),
      valid_to: instant(5),
      closed_tx: 3,
      is_current: false,
    });
    expect(keysOf(await get('/v1/dimensions/buildings/North/2/history'))).toEqual([2]);
    expect(keysOf(await get('/v1/dimensions/buildings/North/1/history?sort=opened_tx'))).toEqual([1, 4]);
  });

  it('has an empty history where the filters leave nothing, none where it never was', async () => {
    expect((await get('/v1/dimensions/buildings/North/1/history?height[gt]=99')).body.data).toEqual([]);
    expect((await get('/v1/dimensions/buildings/North/7/history')).body.code).toBe('not-found');
    expect((await get('/v1/dimensions/buildings/North/2/history?as_of=1')).body.code).toBe('not-found');
  });
});

describe('waiting', () => {
  it('ends as soon as the token or the position is visible', async () => {
    for (const [query, headers] of [
      [`consistency_token=${token(6)}&wait=10`, {}],
      ['as_of=6&wait=10', {}],
      [`as_of=${token(6)}&wait=10`, {}],
      ['wait=10', { 'consistency-token': token(6) }],
    ] as const) {
      lake.position = 5;
      const answer = get(`/v1/dimensions/buildings?${query}`, headers);
      await sleep(20);
      lake.position = 6;
      expect((await answer).body.as_of).toMatchObject({ position: 6 });
    }
  });

  it('ends with 503 when it is not in time', async () => {
    for (const query of [`consistency_token=${token(7)}`, 'as_of=7', `as_of=${token(7)}`]) {
      const { status, body, headers } = await get(`/v1/dimensions/buildings?${query}&wait=0.02`);
      expect([status, body.code, headers['retry-after']]).toEqual([503, 'not-yet-visible', '1']);
    }
  });
});

describe('a lake that is away', () => {
  it('is unavailable, and tells nobody where it should be', async () => {
    lake.opened = false;
    const { status, body, headers } = await get('/v1/dimensions/buildings');
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'unavailable', '1']);
    expect(body.detail).toBe('It is away.');
    expect(JSON.stringify(body)).not.toContain('secret');
  });
});

describe('what there is', () => {
  it('is told by the catalog', async () => {
    const { body } = await get('/v1/catalog');
    const tables = (body.data as unknown as { tables: Record<string, unknown>[] }).tables;
    expect(tables.map(({ path, lake_table, surrogate_key, key }) => [path, lake_table, surrogate_key, key])).toEqual([
      ['/v1/dimensions/buildings', 'buildings_dimension', 'building_key', ['campus', 'number']],
      ['/v1/relationships/keepers', 'keepers_history', 'keeper_key', ['since', 'by_night']],
    ]);
  });

  it('is as current as the freshness says, which tells what fails and what drifted', async () => {
    lake.failure = new TailTooLong(9, 5, 15);
    lake.drift = { difference: 'the lake has doors, which is not shown', answerable: true };
    lake.watermark = { epoch: '{"timeline":1}', lsn: 23_815_000, position: 6, source_time: noon + 1n, time: noon };
    expect((await get('/v1/freshness')).body).toEqual({
      position: 6,
      time: instant(6),
      lag_positions: 0,
      lag_seconds: 2,
      folds: [{ table: 'buildings', position: 2, age_seconds: 1.5, drift: lake.drift.difference }],
      watermark: {
        epoch: { timeline: 1 },
        lsn: '0/16B6358',
        position: 6,
        source_time: '2026-03-01T12:00:00.000001Z',
        time: '2026-03-01T12:00:00.000000Z',
      },
      ready: true,
      problem: expect.stringContaining('9 changes up to position 15 are not folded'),
    });
    expect(JSON.stringify((await get('/v1/catalog')).body)).toContain(lake.drift.difference);
    lake.failure = new Error('ENOENT: /secret/place');
    expect(JSON.stringify((await get('/v1/freshness')).body)).not.toContain('secret');
    [lake.failure, lake.drift] = [null, null];
  });
});

describe('the OpenAPI document', () => {
  interface Operation {
    readonly operationId: string;
    readonly parameters: { name: string; in: string; style?: string; schema: unknown }[];
  }
  let document: {
    paths: Record<string, { get: Operation }>;
    components: { schemas: Record<string, Record<string, unknown>> };
  };

  beforeAll(async () => {
    document = (await app.inject('/openapi.json')).json();
  });

  it('has an operation for each table and question, each with a name of its own', () => {
    const operations = Object.entries(document.paths).map(([path, { get: operation }]) => [
      path,
      operation.operationId,
    ]);
    expect(operations.filter(([path]) => path!.startsWith('/v1/'))).toEqual([
      ['/v1/dimensions/buildings', 'queryBuildings'],
      ['/v1/dimensions/buildings/{campus}/{number}', 'queryBuilding'],
      ['/v1/dimensions/buildings/{campus}/{number}/history', 'queryBuildingHistory'],
      ['/v1/relationships/keepers', 'queryKeepers'],
      ['/v1/relationships/keepers/{since}/{by_night}', 'queryKeeper'],
      ['/v1/relationships/keepers/{since}/{by_night}/history', 'queryKeeperHistory'],
      ['/v1/freshness', 'getFreshness'],
      ['/v1/catalog', 'getCatalog'],
    ]);
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name!,
    );
    expect([...new Set(references)].filter((name) => !(name in document.components.schemas))).toEqual([]);
    expect(references).toContain('BuildingVersionList');
  });

  it('types every field of a version, and every parameter', async () => {
    const properties = document.components.schemas['BuildingVersion']!['properties'] as Record<
      string,
      { type: unknown }
    >;
    const { body } = await get('/v1/dimensions/buildings/North/1');
    expect(Object.keys(properties)).toEqual(Object.keys(body.data));
    expect(properties['height']).toMatchObject({ type: ['number', 'null'] });
    expect(properties['building_key']).toMatchObject({ type: 'integer' });
    const { parameters } = document.paths['/v1/dimensions/buildings']!.get;
    expect(parameters.find(({ name }) => name === 'height')).toMatchObject({
      in: 'query',
      style: 'deepObject',
      schema: {
        anyOf: [{ type: 'number' }, { properties: { gte: { type: 'number' }, is_null: { type: 'boolean' } } }],
      },
    });
    expect(parameters.filter((parameter) => !parameter.schema)).toEqual([]);
  });
});
