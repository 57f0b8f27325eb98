/**
 * Whoever has a reader of Delta tables reads the lake without this product: delta-rs, polars and DuckDB's delta extension
 * return what the product itself reads, whatever was done to the files and to the log meanwhile.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { lakeTable, surrogateKey, type Table } from '#libs/catalog';
import { checkpoint, cleanLog, DeltaTable, lastCheckpoint, readCommit, vacuum } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { changelogLayout } from '../../apps/projector/src/upkeep/changelog-layout.js';
import type { Layout } from '../../apps/projector/src/upkeep/layout.js';
import { merge } from '../../apps/projector/src/upkeep/merge.js';
import { periodLayout } from '../../apps/projector/src/upkeep/period-layout.js';
import { Follower } from '../../apps/query-api/src/follower/follower.js';
import { catalog } from '../other-catalog/estate.js';
import { EstateLake } from './estate-lake.js';
import { askedVersions, ownTable, type OwnTable } from './own-reader.js';
import { missing, PythonReaders, type Question, type Rows } from './python-readers.js';

const root = temporaryFolder('other-readers');
const names = ['changelog', 'quarantine', ...catalog.tables.map(lakeTable)];
const day = 86_400_000;

let duckdb: DuckDBInstance;
let connection: DuckDBConnection;
let readers: PythonReaders;
let lake: EstateLake;
beforeAll(async () => {
  if (missing) return;
  duckdb = await openDuckDb({ threads: 1 });
  connection = await duckdb.connect();
  lake = new EstateLake(join(root, 'lake'), duckdb);
  readers = PythonReaders.start();
});
afterAll(() => readers?.stop());

const folderOf = (name: string) => join(lake.folder, name);

const sorted = ({ rows }: Pick<Rows, 'rows'>) => rows.map((row) => JSON.stringify(row)).sort();

/** Every reader's rows are the wanted ones: each of them, once, under the same columns. */
async function expectAll(question: Question, wanted: Rows): Promise<string[]> {
  const answers = await readers.read(question);
  for (const [reader, answer] of Object.entries(answers)) {
    const what = { reader, ...question };
    expect({ ...what, columns: answer.columns }).toEqual({ ...what, columns: wanted.columns });
    expect({ ...what, rows: sorted(answer) }).toEqual({ ...what, rows: sorted(wanted) });
  }
  return Object.keys(answers);
}

/** By table; also with a filter that files may be left out by, and as the query side answers. */
async function expectSame(): Promise<Map<string, OwnTable>> {
  const found = new Map<string, OwnTable>();
  for (const name of names) {
    const own = await ownTable(folderOf(name), connection);
    const path = folderOf(name);
    expect(await expectAll({ path, version: null, from: null }, own)).toEqual(['delta-rs', 'polars', 'duckdb']);
    const column = name === 'changelog' || name === 'quarantine' ? 'position' : own.columns[0]!;
    const at = own.columns.indexOf(column);
    const least = Math.max(...own.rows.map((row) => Number(row[at]))) - 3;
    const last = { ...own, rows: own.rows.filter((row) => Number(row[at]) >= least) };
    await expectAll({ path, version: null, from: [column, least] }, last);
    found.set(name, own);
  }
  await expectAsked(found);
  return found;
}

/** All is folded, so that the tables hold what the query side answers. */
async function expectAsked(found: Map<string, OwnTable>): Promise<void> {
  const follower = new Follower({ lake: lake.folder, catalog, failed: () => {} });
  follower.start();
  try {
    await follower.until(() => follower.followed !== null, 20_000);
    for (const table of lake.tables) {
      const own = found.get(lakeTable(table))!;
      expect(sorted({ rows: await askedVersions(follower, table, own) })).toEqual(sorted(own));
    }
  } finally {
    await follower.stop();
  }
}

/** Earlier versions can be read as long as their log and files are there. */
async function expectEarlier(found: Map<string, OwnTable>): Promise<void> {
  for (const [name, own] of found)
    expect(await expectAll({ path: folderOf(name), version: own.version, from: null }, own)).toEqual([
      'delta-rs',
      'polars',
    ]);
}

async function onTables(work: (table: DeltaTable) => Promise<unknown>): Promise<void> {
  for (const name of names) await work(await DeltaTable.open(folderOf(name), connection));
}

/** What the newest entry of a table's log did, and the files that it added and removed. */
async function lastCommit(name: string) {
  const { folder, snapshot } = await DeltaTable.open(folderOf(name), connection);
  const actions = (await readCommit(folder, snapshot.version))!;
  const [info] = actions.flatMap((action) => ('commitInfo' in action ? [action.commitInfo] : []));
  const added = actions.flatMap((action) => ('add' in action ? [action.add] : []));
  const removed = actions.flatMap((action) => ('remove' in action ? [action.remove] : []));
  expect(added.length).toBeGreaterThan(0);
  return { operation: info!['operation'], added, removed, changes: [...added, ...removed] };
}

const logOf = (name: string) => readdirSync(join(folderOf(name), '_delta_log'));

/** Returns how many files there were less. */
async function merged(name: string, layout: Layout): Promise<number> {
  const table = await DeltaTable.open(folderOf(name), connection);
  const { size } = table.snapshot.files;
  for (const files of layout.outgrown(table.snapshot, true))
    await merge(table, files, layout, { duckdb: connection, now: Date.now() });
  const { operation, changes } = await lastCommit(name);
  expect([operation, changes.map(({ dataChange }) => dataChange)]).toEqual(['OPTIMIZE', changes.map(() => false)]);
  return size - table.snapshot.files.size;
}

const versionsMerged = (table: Table) => merged(lakeTable(table), periodLayout(table, { files: 2, rows: 1e6 }));

const ifThere = missing && !process.env.CI ? describe.skip : describe;
if (missing && !process.env.CI) console.warn(`Other readers are not asked: ${missing}`);

ifThere('other readers of Delta tables', () => {
  let found: Map<string, OwnTable>;

  it('are there', () => {
    expect(missing).toBeNull();
  });

  it('find every row of every table, with every value of every type', async () => {
    await lake.begin();
    await lake.change(8);
    found = await expectSame();
    const counts = names.map((name) => found.get(name)!.rows.length);
    expect(counts.every((count) => count > 0)).toBe(true);
    const buildings = found.get(lakeTable(catalog.tables[0]!))!;
    const values = new Set(buildings.rows.flat());
    for (const value of [
      '0001-01-01',
      '9999-12-31',
      '-62135596800000000',
      '253402300799999999',
      null,
      'ＡﬀÅ 💥 "\'\\\n\t',
    ])
      expect(values).toContain(value);
    for (const value of ['-9999999999999999.9999', '9223372036854775807', '-32768', 'true', 'false'])
      expect(values).toContain(value);
    expect(buildings.columns[0]).toBe(surrogateKey(catalog.tables[0]!));
    const said = new Set(found.get('changelog')!.rows.flat());
    for (const value of ['Zoë 💥', 'Ändere\n"alles"', 'c-1', 'happenings', null]) expect(said).toContain(value);
  }, 60_000);

  it('find them after a checkpoint', async () => {
    await onTables(async ({ folder, snapshot }) => {
      await checkpoint(folder, snapshot, connection);
      expect([await lastCheckpoint(folder), snapshot.version > 0]).toEqual([snapshot.version, true]);
    });
    await expectSame();
  }, 60_000);

  it('find them after the changelog was merged, and before', async () => {
    const layout = changelogLayout({ files: 2, fileSize: 1 << 20, folded: () => Infinity });
    expect(await merged('changelog', layout)).toBe(7);
    await expectSame();
    await expectEarlier(found);
  }, 60_000);

  it('find them after periods of versions were merged, and before', async () => {
    expect(await versionsMerged(catalog.tables[0]!)).toBeGreaterThan(2);
    expect(await versionsMerged(catalog.tables[1]!)).toBeGreaterThan(2);
    await expectSame();
    await expectEarlier(found);
  }, 60_000);

  it('find them after the log before a checkpoint was deleted', async () => {
    await onTables(async ({ folder, snapshot }) => {
      await checkpoint(folder, snapshot, connection);
      expect(await cleanLog(folder, snapshot, { now: Date.now() + 2 * day })).toBeGreaterThan(0);
    });
    for (const name of names)
      expect([name, logOf(name).filter((file) => file.endsWith('.json') || file.endsWith('.parquet')).length]).toEqual([
        name,
        2, // the newest entry and its checkpoint
      ]);
    await expectSame();
  }, 60_000);

  it('find them after files that no version needs were deleted', async () => {
    const deleted: string[] = [];
    await onTables(async ({ folder, snapshot }) =>
      deleted.push(...(await vacuum(folder, snapshot, { now: Date.now() + day }))),
    );
    expect(deleted.length).toBeGreaterThan(20);
    await onTables(async ({ folder, snapshot }) => {
      const left = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.endsWith('.parquet'),
      );
      const data = left.filter((path) => !path.startsWith('_delta_log'));
      expect(data.sort()).toEqual([...snapshot.files.keys()].sort());
    });
    await expectSame();
  }, 60_000);

  it('find what came after all that', async () => {
    await lake.change(2);
    const later = await expectSame();
    for (const [name, { rows }] of later)
      if (name !== 'wardens_history' && name !== 'quarantine')
        expect(rows.length).toBeGreaterThan(found.get(name)!.rows.length);
  }, 60_000);

  it('find the same versions in a table that was rebuilt, under all that it had', async () => {
    const before = await expectSame();
    const filesBefore = new Map<string, string[]>();
    await onTables(async ({ folder, snapshot }) => filesBefore.set(folder, [...snapshot.files.keys()].sort()));
    for (const { table } of lake.tables) await lake.rebuild(table);
    for (const name of lake.tables.map(lakeTable)) {
      const { operation, removed, added } = await lastCommit(name);
      expect([operation, removed.map(({ path }) => path).sort()]).toEqual(['REBUILD', filesBefore.get(folderOf(name))]);
      expect(added.every(({ path }) => existsSync(join(folderOf(name), path)))).toBe(true);
    }
    const after = await expectSame();
    // the quarantine of before stays for a while, for readers that follow the versions' log and have not seen the swap
    const rows = (name: string, table: OwnTable) =>
      name === 'quarantine' ? [...new Set(sorted(table))] : sorted(table);
    for (const name of names) expect(rows(name, after.get(name)!)).toEqual(rows(name, before.get(name)!));
  }, 60_000);
});
