import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { createTable, DeltaTable, readCommit, recordsOf, type AddFile } from '#libs/delta-log';
import { openDuckDb, rowsOf, versionTable } from '#libs/lake';
import { closedAccounts, lakeRows, ledger, temporaryFolder, TestChangelog } from '#libs/test-lake';
import { changelogLayout } from './changelog-layout.js';
import type { Layout } from './layout.js';
import { merge } from './merge.js';
import { MergeEngine } from './merge-engine.js';
import { periodLayout } from './period-layout.js';

const root = temporaryFolder('merge');
const now = 1_900_000_000_000;
const changelog = changelogLayout({ files: 3, fileSize: 64 << 20, folded: () => Infinity });
const [accounts] = ledger.tables;
const periods = periodLayout(accounts!, { files: 3, rows: 1000 });

let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});
afterAll(() => duckdb.closeSync());

const filesIn = (folder: string) => readdirSync(folder).filter((name) => name !== '_delta_log');
const live = ({ snapshot }: DeltaTable): AddFile[] => [...snapshot.files.values()];

describe('a merge of the changelog', () => {
  let log: TestChangelog;
  let before: Record<string, unknown>[];
  const rows = () => lakeRows(log.table.folder, duckdb, '*, epoch_us(effective_at) AS exactly');
  beforeEach(async () => {
    log = await TestChangelog.create(root, duckdb);
    for (const changes of [3, 1, 2]) await log.append(changes);
    before = await rows();
  });

  it('keeps every row in its place, and the bounds of positions, times and statistics', async () => {
    await log.append(2);
    const [first, second, third, fourth] = live(log.table);
    expect(await merge(log.table, [first!, second!, third!], changelog, { duckdb, now })).toBe(true);
    const merged = live(log.table).at(-1)!;
    expect(live(log.table)).toEqual([fourth, merged]);
    expect((await rows()).slice(0, 6)).toEqual(before);
    const inFile = await rowsOf(duckdb, `SELECT position FROM '${join(log.table.folder, merged.path)}'`);
    expect(inFile.map(({ position }) => position)).toEqual([1n, 2n, 3n, 4n, 5n, 6n]);
    expect(merged.tags).toEqual({
      'migsbyu.first_position': '1',
      'migsbyu.last_position': '6',
      'migsbyu.first_effective_at': first!.tags!['migsbyu.first_effective_at'],
      'migsbyu.last_effective_at': third!.tags!['migsbyu.last_effective_at'],
    });
    expect(JSON.parse(merged.stats!)).toEqual({
      numRecords: 6,
      minValues: { position: 1 },
      maxValues: { position: 6 },
    });
    expect([merged.dataChange, merged.partitionValues]).toEqual([false, {}]);
  });

  it('is one commit that brings no row, and leaves the old files for those who read them', async () => {
    const files = live(log.table);
    await merge(log.table, files, changelog, { duckdb, now });
    const actions = (await readCommit(log.table.folder, 4))!.slice(1);
    expect(actions.map((action) => Object.keys(action)[0])).toEqual(['remove', 'remove', 'remove', 'add']);
    expect(actions.every((action) => !Object.values(action)[0].dataChange)).toBe(true);
    for (const { path } of files) expect(existsSync(join(log.table.folder, path))).toBe(true);
    expect([...log.table.snapshot.tombstones.values()].map((tombstone) => tombstone.deletionTimestamp)).toEqual([
      now,
      now,
      now,
    ]);
  });

  it.each([
    ['lacks one', (files: AddFile[]) => [files[0]!, files[2]!]],
    ['comes in another order', (files: AddFile[]) => [files[1]!, files[0]!, files[2]!]],
    ['has one twice', (files: AddFile[]) => [files[0]!, files[1]!, files[1]!, files[2]!]],
  ])('of files of which it %s fails, and changes nothing', async (_what, chosen) => {
    const files = live(log.table);
    const names = filesIn(log.table.folder);
    await expect(merge(log.table, chosen(files), changelog, { duckdb, now })).rejects.toMatchObject({
      code: 'merge-differs',
    });
    expect(live(log.table)).toEqual(files);
    expect(filesIn(log.table.folder)).toEqual(names);
  });

  it('comes too late for files that were replaced meanwhile, and leaves nothing', async () => {
    const files = live(log.table);
    const names = filesIn(log.table.folder);
    const swapped = log.table.commit([{ remove: { path: files[1]!.path, deletionTimestamp: now, dataChange: true } }]);
    expect(await merge(log.table, files, changelog, { duckdb, now })).toBe(false);
    expect(await swapped).toBe(4);
    expect(log.table.snapshot.version).toBe(4);
    expect(filesIn(log.table.folder)).toEqual(names);
  });

  it('goes on beside appends', async () => {
    const merging = merge(log.table, live(log.table), changelog, { duckdb, now });
    for (let i = 0; i < 3; i++) await log.append(1);
    await merging;
    expect(live(log.table)).toHaveLength(4);
    expect((await rows()).map(({ position }) => position)).toEqual([1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n]);
  });

  it('is broken off at once when the projector stops, and none begins afterwards', async () => {
    const engine = new MergeEngine(root);
    const endless = { ...changelog, sameRows: () => 'SELECT count(*) > 0 AS same FROM range(1000000000000)' };
    const files = live(log.table);
    const mergeWith = (layout: Layout) => engine.use((own) => merge(log.table, files, layout, { duckdb: own, now }));
    const broken = mergeWith(endless);
    while (filesIn(log.table.folder).length < 4) await turn();
    engine.stop();
    await expect(broken).rejects.toThrow('Interrupt');
    await expect(mergeWith(changelog)).rejects.toMatchObject({ code: 'merging-stopped' });
    expect(live(log.table)).toEqual(files);
    expect(filesIn(log.table.folder)).toHaveLength(3);
    expect(readdirSync(root).filter((name) => name.startsWith('merge-'))).toEqual([]);
  });
});

describe('a merge of closed versions', () => {
  let table: DeltaTable;
  beforeEach(async () => {
    const folder = join(root, `versions-${Math.random()}`);
    await createTable(folder, { name: 'accounts', ...versionTable(accounts!) }, duckdb);
    table = await DeltaTable.open(folder, duckdb);
  });
  const put = async (...files: AddFile[]) => table.commit(files.map((add) => ({ add })));

  it('orders rows by key and time, and keeps the period and every value', async () => {
    const files = [
      await closedAccounts(table.folder, duckdb, { period: 2026, versions: ['B 2 7', 'B 7 9', 'Ä 4 5'] }),
      await closedAccounts(table.folder, duckdb, { period: 2026, versions: ['A 1 8', 'B 1 2'] }),
    ];
    await put(...files);
    const before = await lakeRows(table.folder, duckdb);
    expect(await merge(table, files, periods, { duckdb, now })).toBe(true);
    const [merged] = live(table);
    expect(live(table)).toHaveLength(1);
    expect(merged).toMatchObject({
      tags: { 'migsbyu.period': '2026' },
      partitionValues: { is_current: 'false' },
      dataChange: false,
    });
    expect(JSON.parse(merged!.stats!)).toMatchObject({
      numRecords: 5,
      minValues: { account_key: 1 },
      maxValues: { account_key: 7 },
    });
    expect(await lakeRows(table.folder, duckdb)).toEqual(before);
    const inFile = await rowsOf(duckdb, `SELECT id, opened_tx FROM '${join(table.folder, merged!.path)}'`);
    expect(inFile.map(({ id, opened_tx }) => `${id} ${opened_tx}`)).toEqual(['A 1', 'B 1', 'B 2', 'B 7', 'Ä 4']);
  });

  it('refuses rows that it does not find again', async () => {
    const file = await closedAccounts(table.folder, duckdb, { period: 2026, versions: ['A 1 8'] });
    await put(file);
    const lossy = { ...periods, orderBy: `1 LIMIT 0` };
    await expect(merge(table, [file], lossy, { duckdb, now })).rejects.toMatchObject({ code: 'merge-differs' });
    const doubling = { ...periods, sameRows: () => 'SELECT true AS same' };
    await expect(merge(table, [file, file], doubling, { duckdb, now })).resolves.toBe(true);
    expect(recordsOf(live(table)[0]!)).toBe(2);
  });
});
