import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Fenced } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { account, ledger, temporaryFolder } from '#libs/test-lake';
import { ChangingLake } from './contract/changing-lake.js';
import { ProjectionEnded, Rebuilder, type RebuilderOptions } from './rebuilder.js';

const root = temporaryFolder('rebuilder');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});

let count = 0;
let lake: ChangingLake;
let rebuilder: Rebuilder;
let failures: Error[];
beforeEach(async () => {
  failures = [];
  lake = await ChangingLake.open(join(root, String(++count)), ledger, duckdb);
  await lake.append([account('A', '1', 'c'), account('B', 'none', 'c')], [account('A', '2')]);
  await lake.fold();
  rebuilder = make();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rebuilder.stop();
  await lake.close();
});

const spool = () => join(root, String(count), 'spool');

function make(options: Partial<RebuilderOptions> = {}): Rebuilder {
  const failed = (error: Error) => void failures.push(error);
  return new Rebuilder(lake.stores, lake.changelog, lake.folding, {
    ...{ spoolFolder: spool(), failed, tidyFailed: failed, grace: 2 ** 30, chunk: 1, ...options },
  });
}

const never = new AbortController().signal;
const ignore = () => {};
const storeOf = (table: string) => lake.tableOf(table).store;
const generations = () =>
  [...storeOf('accounts').quarantine.snapshot.files.values()].map(({ tags }) => tags?.['migsbyu.generation'] ?? '0');

describe('rebuilds', () => {
  it('go one at a time, in the order in which they are asked for', async () => {
    const told: string[] = [];
    const rebuild = (table: string) => rebuilder.rebuild(table, () => told.push(table), never);
    await Promise.all([rebuild('accounts'), rebuild('notes')]);
    expect(told).toEqual(told.toSorted());
    expect(new Set(told)).toEqual(new Set(['accounts', 'notes']));
  });

  it('leave nothing in the spool folder, not even what a killed one left', async () => {
    const left = join(spool(), 'rebuild-accounts');
    mkdirSync(left, { recursive: true });
    writeFileSync(join(left, 'duckdb_temp_storage_DEFAULT-0.tmp'), 'of a killed process');
    const seen: string[][] = [];
    await rebuilder.rebuild('accounts', () => seen.push(readdirSync(left)), never);
    expect(seen[0]).toEqual([]);
    expect(existsSync(left)).toBe(false);
  });

  it('end with their projection, and leave the table as it was', async () => {
    const { version } = storeOf('accounts').versions.snapshot;
    const stop = () => void rebuilder.stop();
    const under = rebuilder.rebuild('accounts', stop, never);
    const waiting = rebuilder.rebuild('notes', stop, never);
    await expect(under).rejects.toThrow(ProjectionEnded);
    await expect(waiting).rejects.toThrow(ProjectionEnded);
    expect(storeOf('accounts').versions.snapshot.version).toBe(version);
    await expect(rebuilder.rebuild('accounts', ignore, never)).rejects.toThrow(ProjectionEnded);
  });

  it('that wait are cancelled before they begin', async () => {
    const cancelling = new AbortController();
    const first = rebuilder.rebuild('accounts', () => cancelling.abort(), never);
    const told: unknown[] = [];
    const second = rebuilder.rebuild('notes', (done) => told.push(done), cancelling.signal);
    await expect(second).rejects.toMatchObject({ name: 'AbortError' });
    await first;
    expect(told).toEqual([]);
  });

  it('end the projection where another writer owns the table', async () => {
    const other = await ChangingLake.open(join(root, String(count)), ledger, duckdb);
    await other.append([account('A', '3')]);
    await other.fold();
    await expect(rebuilder.rebuild('accounts', ignore, never)).rejects.toThrow(Fenced);
    expect(failures).toEqual([expect.any(Fenced)]);
    await other.close();
  });
});

describe('what is left of an old quarantine', () => {
  it('stays for the readers’ grace after the swap, and then goes', async () => {
    await rebuilder.rebuild('accounts', ignore, never);
    expect(generations().sort()).toEqual(['0', '1']);
    await rebuilder.stop();
    rebuilder = make({ grace: 1 });
    await rebuilder.rebuild('accounts', ignore, never);
    while (generations().length > 1) await sleep(1);
    expect(generations()).toEqual(['2']);
    const { quarantine } = await lake.read('accounts', reading);
    expect(quarantine).toMatchObject([{ key: '["B"]', raw: '{"balance":"none"}', closed_tx: null }]);
  });

  it('is cleared by the next life, and nothing else is', async () => {
    await rebuilder.rebuild('accounts', ignore, never);
    await rebuilder.stop();
    rebuilder = make();
    await rebuilder.tidy();
    expect(generations()).toEqual(['1']);
    const { version } = storeOf('accounts').quarantine.snapshot;
    await rebuilder.tidy();
    expect(storeOf('accounts').quarantine.snapshot.version).toBe(version);
    expect(failures).toEqual([]);
  });
});
