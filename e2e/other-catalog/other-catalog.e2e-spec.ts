/**
 * Projector and query API on tables that have nothing to do with a university, and no events: what direct SQL does to
 * them, while the projector is killed, is told by HTTP and by the lake's files as a plain replay of the source says.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, watch } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { lakeTable, surrogateKey, type Table } from '#libs/catalog';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import * as changes from './changes.js';
import { buildings, catalog } from './estate.js';
import {
  asOf,
  expectedKeys,
  inForce,
  place,
  seenAt,
  type ExpectedKey,
  type PlacedMoment,
} from './expected-versions.js';
import { LakeFiles } from './lake-files.js';
import { QueryClient, type AsOf, type Row } from './query-client.js';
import { questionsOf, wrongAnswers } from './questions.js';
import { refusedStart, Service } from './service.js';
import { Source, type Moment } from './source.js';

const running: Service[] = [];
let database: TestDatabase;
let folder: string;
let source: Source;
let projector: Service;
let reader: QueryClient;

const eagerFolds = { FOLD_CHANGES: '25', FOLD_AGE_SECONDS: '1' };
const noFolds = { FOLD_CHANGES: '1000000', FOLD_AGE_SECONDS: '86400' };

const environment = () => ({
  CATALOG_MODULE: fileURLToPath(new URL('estate.ts', import.meta.url)),
  LAKE_URL: pathToFileURL(join(folder, 'lake')).href,
  DATABASE_URL: database.url,
  PUBLICATION: 'estate',
  REPLICATION_SLOT: database.name,
  SPOOL_FOLDER: join(folder, 'spool'),
});

async function start(app: 'projector' | 'query-api', more: Readonly<Record<string, string>> = {}): Promise<Service> {
  const service = await Service.start(app, { ...environment(), ...more });
  running.push(service);
  return service;
}

async function startReader(): Promise<QueryClient> {
  const client = new QueryClient((await start('query-api')).url);
  await client.untilReady();
  return client;
}

const pathOf = ({ kind, table }: Table) => `/v1/${kind}s/${table}`;

/** Without the bulk, which is asked for apart. */
const listPath = (table: Table, parameters: string) =>
  `${pathOf(table)}?${parameters}${table === buildings ? '&campus[ne]=Bulk' : ''}`;

const business = (table: Table, row: Row): Row =>
  Object.fromEntries(table.columns.map(({ name }) => [name, row[name] ?? null]));

/** The business columns of rows as a set. */
const asSet = (table: Table, rows: readonly Row[]) => rows.map((row) => JSON.stringify(business(table, row))).sort();

const rowsAt = ({ tables }: Moment, { table }: Table): Row[] =>
  tables[table]!.filter(({ unknown }) => !unknown).map(({ row }) => row);

/** Commits each, and reads it by its token at once: what is answered is what the source has, and nothing else. */
async function expectEachRead(list: readonly changes.Change[]): Promise<void> {
  for (const [name, ...statements] of list) await expectRead(await source.commit(name, ...statements));
}

async function commit(list: readonly changes.Change[]): Promise<Moment> {
  for (const [name, ...statements] of list) await source.commit(name, ...statements);
  return source.moments.at(-1)!;
}

async function expectRead(moment: Moment): Promise<void> {
  for (const table of catalog.tables) {
    const { rows } = await reader.list(listPath(table, 'limit=20'), { 'consistency-token': moment.token });
    expect([moment.name, ...asSet(table, rows)]).toEqual([moment.name, ...asSet(table, rowsAt(moment, table))]);
  }
}

/** Resolves as soon as the changelog has another version. */
async function nextLogged(): Promise<void> {
  for await (const { filename } of watch(join(folder, 'lake', 'changelog', '_delta_log')))
    if (/^\d+\.json$/.test(filename ?? '')) return;
}

async function untilFolded(): Promise<void> {
  for (;;) {
    const status = (await (await fetch(`${projector.url}/v1/status`)).json()) as Record<string, number>;
    if (status['position']! > 0 && status['position'] === status['folded']) return;
    await sleep(50);
  }
}

beforeAll(async () => {
  [database, folder] = [await emptyDatabase(), await mkdtemp(join(tmpdir(), 'other-catalog-'))];
  source = await Source.create(database.url);
});
afterAll(async () => {
  await Promise.all(running.map((service) => service.stop()));
  await source?.close();
  await database?.close();
  await rm(folder, { recursive: true, force: true });
});

it.each(['projector', 'query-api'] as const)('the %s says in a sentence that there is no such catalog', async (app) => {
  const none = join(folder, 'none.mjs');
  expect(await refusedStart(app, { ...environment(), CATALOG_MODULE: none })).toEqual({
    code: 1,
    said: `${app} cannot start: The catalog module ${none} is not there.\n`,
  });
});

describe('an estate', () => {
  it('is followed from what was found, transaction by transaction', async () => {
    await source.client.query(changes.found);
    await source.found();
    projector = await start('projector', eagerFolds);
    reader = await startReader();
    await expectEachRead([...changes.first, changes.partly]);
    await source.rollBack(...changes.undone);
  });

  it('goes on page by page as it was, whatever happens meanwhile', async () => {
    const before = source.moments.at(-1)!;
    const first = await reader.get(listPath(buildings, 'limit=2&sort=-name,height&count=true'));
    expect(first.page!.total).toBe(rowsAt(before, buildings).length);
    await expectEachRead(changes.keys);
    const rest = await reader.list(first.next!);
    expect(rest.as_of).toEqual(first.as_of);
    expect(asSet(buildings, [...(first.data as Row[]), ...rest.rows])).toEqual(
      asSet(buildings, rowsAt(before, buildings)),
    );
  });

  it('loses and doubles nothing by a projector that is killed', async () => {
    const logged = nextLogged();
    await source.commit('killed for', `UPDATE buildings SET worth = 2 WHERE campus = 'North'`);
    await logged;
    await projector.kill(); // the source may not have been told
    await commit(changes.states);
    projector = await start('projector', eagerFolds);
    await expectEachRead(changes.untypable);
    await expectRead(await commit(changes.truncates));
  });

  it('takes 20 000 rows at once, and a kill in the middle of them', async () => {
    await source.commit(...changes.bulk.inserted);
    await sleep(30);
    await projector.kill();
    projector = await start('projector', noFolds);
    const { token } = await source.commit(...changes.bulk.updated);
    const path = '/v1/dimensions/buildings?campus=Bulk&sort=number&limit=1000&fields=number,height';
    const { rows } = await reader.list(path, { 'consistency-token': token });
    const expected = (number: number) => ({ number, height: (number % 100) + (number % 2 === 0 ? 0.5 : 0) });
    expect(rows).toEqual(Array.from({ length: 20_000 }, (_, i) => expected(i + 1)));
    await source.commit(...changes.bulk.deleted);
    await source.interleave(...changes.interleaved);
    await expectEachRead(changes.last);
  });
});

describe('its history', () => {
  let lake: LakeFiles;
  let moments: PlacedMoment[];
  let keys: Map<Table, ExpectedKey[]>;

  beforeAll(async () => {
    lake = await LakeFiles.open(join(folder, 'lake'));
    moments = place(source.moments, await lake.transactions());
    keys = new Map(catalog.tables.map((table) => [table, expectedKeys(table, moments)]));
  });
  afterAll(() => lake.close());

  const versionsOf = (table: Table) => keys.get(table)!.flatMap(({ versions }) => versions);

  /** Each key by itself, each list at each moment, and all versions at once. `turn`: each asks a third. */
  async function expectAnswers(client: QueryClient, turn: 0 | 1 | 2): Promise<void> {
    const isAsked = (_: unknown, i: number) => i % 3 === turn;
    for (const table of catalog.tables) {
      const questions = questionsOf(table, keys.get(table)!, moments);
      expect(await wrongAnswers(client, questions.filter(isAsked))).toEqual([]);
      await expectLists(client, table, moments.filter(isAsked));
    }
  }

  async function expectLists(client: QueryClient, table: Table, at: readonly PlacedMoment[]): Promise<void> {
    for (const [i, moment] of at.entries()) {
      const { last, effective_at } = moment.at;
      const parameters = i % 2 === 0 ? `as_of=${last}&limit=1000` : `as_of=${effective_at}&limit=20`;
      const { rows, as_of } = await client.list(listPath(table, parameters));
      const expected = versionsOf(table).flatMap((one) => (inForce(one, last) ? [seenAt(one, last)] : []));
      const named = (time: AsOf, versions: Row[]) => [moment.name, time, ...inKeyOrder(table, versions)];
      expect(named(as_of, rows)).toEqual(named(asOf(moment), expected));
    }
    const { rows } = await client.list(listPath(table, 'versions=all&limit=13'));
    expect(inKeyOrder(table, rows)).toEqual(inKeyOrder(table, versionsOf(table)));
  }

  const inKeyOrder = (table: Table, rows: readonly Row[]) =>
    rows.toSorted((a, b) => Number(a[surrogateKey(table)]) - Number(b[surrogateKey(table)]));

  it('has every transaction of the source once, in the order of their commits', async () => {
    const silent = moments.filter(({ captured }) => !captured).map(({ name }) => name);
    expect(silent).toEqual(['rolled back', 'nothing captured', 'nothing at all']);
    const transactions = await lake.transactions();
    expect(transactions.map(({ tx_id }) => tx_id)).toEqual(
      moments.filter(({ captured }) => captured).map(({ txId }) => txId),
    );
    let [position, time] = [0, ''];
    for (const { first, last, effective_at } of transactions) {
      expect(first).toBe(position + 1);
      expect(effective_at > time).toBe(true);
      [position, time] = [last, effective_at];
    }
  });

  it('is answered from the tail, key by key and moment by moment', async () => {
    await expectAnswers(reader, 0);
    expect(await bulkAt('20 000 rows')).toEqual({ total: 20_000, halves: 0 });
    expect(await bulkAt('10 000 rows')).toEqual({ total: 20_000, halves: 10_000 });
    expect(await bulkAt('most of them')).toEqual({ total: 3_000, halves: 1_500 });
  });

  async function bulkAt(name: string) {
    const { last } = moments.find((moment) => moment.name === name)!.at;
    const total = async (more: string) =>
      (await reader.get(`/v1/dimensions/buildings?campus=Bulk${more}&as_of=${last}&count=true&limit=1`)).page!.total;
    const halves = Array.from({ length: 100 }, (_, i) => `${i}.5`).join(',');
    return { total: await total(''), halves: await total(`&height[in]=${halves}`) };
  }

  it('is answered the same once it is folded', async () => {
    await projector.stop();
    projector = await start('projector', eagerFolds);
    await untilFolded();
    await expectAnswers(reader, 1);
  });

  it('is answered the same by a reader that starts when all else is over', async () => {
    await projector.stop();
    const cold = await startReader();
    await expectAnswers(cold, 2);
    for (const table of catalog.tables) {
      const page = `${pathOf(table)}?versions=all&count=true&limit=1000&sort=-valid_from,opened_tx`;
      expect(await cold.get(page)).toEqual(await reader.get(page));
    }
  });

  describe.each(catalog.tables.map((table) => [lakeTable(table), table] as const))(
    'in the files of %s',
    (name, table) => {
      const surrogate = surrogateKey(table);
      const key = table.key.map((column) => `"${column}"`).join(', ');
      const withoutBulk = table === buildings ? `campus <> 'Bulk'` : 'true';
      let versions: string;
      beforeAll(async () => {
        versions = await lake.table(name, 'is_current');
      });

      it('has one open version at most of each key, and none that overlap', async () => {
        const order = `OVER (PARTITION BY ${key} ORDER BY opened_tx)`;
        const overlaps = await lake.rows(
          `SELECT * FROM ${versions} QUALIFY lead(opened_tx) ${order} < coalesce(closed_tx, 9e18) OR closed_tx <= opened_tx
           OR valid_to <= valid_from OR (valid_to IS NULL) <> (closed_tx IS NULL) OR (closed_tx IS NULL) <> is_current::BOOLEAN`,
        );
        expect(overlaps).toEqual([]);
        expect((await lake.operations(name)).filter((operation) => operation === 'FOLD').length).toBeGreaterThan(3);
      });

      it('has the open rows that the source has', async () => {
        const columns = table.columns.map((column) => `"${column.name}"`).join(', ');
        const open = await lake.texts(`SELECT ${columns} FROM ${versions} WHERE closed_tx IS NULL`);
        const rows = await source.texts(table);
        const unknown = moments
          .at(-1)!
          .tables[table.table]!.filter((state) => state.unknown)
          .map((state) => state.key);
        const isUnknown = (row: Row) =>
          unknown.some((texts) => table.key.every((column, i) => row[column] === texts[i]));
        expect(asSet(table, open)).toEqual(
          asSet(
            table,
            rows.filter((row) => !isUnknown(row)),
          ),
        );
        expect(open.length).toBeGreaterThan(table === buildings ? 3_000 : 0);
      });

      it('has each version once, under the position of the change that opened it', async () => {
        const found = await lake.rows(
          `SELECT ${surrogate}::INTEGER AS key, opened_tx::INTEGER AS opened_tx, closed_tx::INTEGER AS closed_tx
         FROM ${versions} WHERE ${withoutBulk} ORDER BY 1`,
        );
        expect(found).toEqual(
          inKeyOrder(table, versionsOf(table)).map((version) => ({
            key: version[surrogate],
            opened_tx: version['opened_tx'],
            closed_tx: version['closed_tx'],
          })),
        );
        const opened = await lake.rows<{ total: number; keys: number; changes: number }>(
          `SELECT count(*)::INTEGER AS total, count(DISTINCT ${surrogate})::INTEGER AS keys, count(position)::INTEGER AS changes
         FROM ${versions} AS v LEFT JOIN ${await lake.table('changelog')} AS c
           ON c.position = v.${surrogate} AND c.tx_position = v.opened_tx AND c."table" = '${table.table}' AND c.op IN ('c', 'u', 'r')`,
        );
        const [{ total, keys: distinct, changes: real }] = opened as [(typeof opened)[0]];
        expect([distinct, real]).toEqual([total, total]);
      });

      it('has in quarantine, for as long as that was, what could not be typed', async () => {
        const intervals = await lake.rows<{ key: string; from: number; to: number | null }>(
          `SELECT key, opened_tx::INTEGER AS from, closed_tx::INTEGER AS to
         FROM ${await lake.table('quarantine', 'table')} WHERE "table" = '${table.table}' ORDER BY key, opened_tx`,
        );
        const expected = keys
          .get(table)!
          .flatMap(({ key: texts, unknown }) =>
            unknown.map(([from, to]) => ({ key: JSON.stringify(texts), from, to })),
          );
        expect(merged(intervals)).toEqual(expected.sort((a, b) => (a.key + a.from < b.key + b.from ? -1 : 1)));
      });
    },
  );
});

interface Interval {
  readonly key: string;
  readonly from: number;
  readonly to: number | null;
}

/** Another raw text is another interval of the same unknown state. */
function merged(intervals: readonly Interval[]): Interval[] {
  const whole: Interval[] = [];
  for (const interval of intervals) {
    const before = whole.at(-1);
    if (before?.key === interval.key && before.to === interval.from) whole.push({ ...whole.pop()!, to: interval.to });
    else whole.push(interval);
  }
  return whole;
}

describe('what is documented', () => {
  it('is the estate, and nothing of a university', async () => {
    const text = await (await fetch(`${reader.url}/openapi.json`)).text();
    expect(text).not.toMatch(/student|universit/i);
    const paths = Object.keys((JSON.parse(text) as { paths: object }).paths);
    expect(paths.filter((path) => /^\/v1\/(dimensions|relationships)/.test(path))).toEqual([
      '/v1/dimensions/buildings',
      '/v1/dimensions/buildings/{campus}/{number}',
      '/v1/dimensions/buildings/{campus}/{number}/history',
      '/v1/relationships/occupancies',
      '/v1/relationships/occupancies/{firm}/{campus}/{number}/{since}',
      '/v1/relationships/occupancies/{firm}/{campus}/{number}/{since}/history',
      '/v1/relationships/wardens',
      '/v1/relationships/wardens/{campus}/{number}/{warden_name}/{by_night}',
      '/v1/relationships/wardens/{campus}/{number}/{warden_name}/{by_night}/history',
    ]);
  });
});
