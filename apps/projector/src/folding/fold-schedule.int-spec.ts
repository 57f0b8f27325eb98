import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Transaction } from '#libs/change-event';
import { createTable, DeltaTable } from '#libs/delta-log';
import { changelog, openDuckDb } from '#libs/lake';
import { account, lakeRows, ledger, snapshotOf, temporaryFolder, transaction } from '#libs/test-lake';
import { ChangelogAppender } from '../append/changelog-appender.js';
import { FoldSchedule, type FoldOptions } from './fold-schedule.js';
import type { Folded } from './fold.js';
import { foldPosition, openVersionStores, type VersionStore } from './version-store.js';

const root = temporaryFolder('folding');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});

let [count, lake] = [0, ''];
let schedules: FoldSchedule[];
beforeEach(() => {
  lake = join(root, String(++count));
  mkdirSync(lake);
  schedules = [];
});
afterEach(async () => {
  for (const schedule of schedules) await schedule.stop();
  jest.useRealTimers();
});

interface Life {
  readonly stores: VersionStore[];
  readonly folding: FoldSchedule;
  readonly append: (...transactions: Transaction[]) => Promise<void>;
  readonly folded: Folded[];
  readonly failures: Error[];
}

const ignore = () => {};

/** Folding with nothing that begins a fold by itself, unless told otherwise. */
async function open(options: Partial<FoldOptions> = {}): Promise<Life> {
  const connection = await duckdb.connect();
  const folder = join(lake, changelog.name);
  await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, connection);
  const table = await DeltaTable.open(folder, connection);
  const stores = await openVersionStores(lake, ledger.tables, connection);
  const [folded, failures]: [Folded[], Error[]] = [[], []];
  const folding = new FoldSchedule(stores, table, await duckdb.connect(), {
    ...{ minimumChanges: 1_000_000, shareOfOpenRows: 0.01, maximumAge: 2 ** 30, maximumBacklog: 4 },
    ...{ folded: (one) => folded.push(one), failed: (error) => failures.push(error), pauseAfterFailure: 1, ...options },
  });
  schedules.push(folding);
  const appender = await ChangelogAppender.open(table, connection, folder, {
    ...{ eventTable: undefined, memoryBudget: 1e6, spoolFolder: lake, pendingBudget: 1e6, longestRest: 0 },
    watermark: { time: 0n, reached: async () => {}, completeLsn: () => null },
    ...{ appended: (done) => folding.appended(done), suspiciousClock: ignore, failed: ignore },
  });
  const append = async (...transactions: Transaction[]) => {
    for (const one of transactions) await appender.accept(one);
    await appender.settled();
  };
  return { stores, folding, append, folded, failures };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(1);
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => (settled = true), ignore);
  for (let i = 0; i < 20; i++) await turn();
  return !settled;
}

/** Holds a store's next fold back before it is committed, until it is let go or fails. */
function holdFold({ versions }: VersionStore) {
  const held = Promise.withResolvers<void>();
  const commit = versions.commit.bind(versions);
  const begun = new Promise<void>((resolve) => {
    jest.spyOn(versions, 'commit').mockImplementationOnce(async (...args) => {
      resolve();
      await held.promise;
      return commit(...args);
    });
  });
  return { begun, letGo: () => held.resolve(), fail: (error: Error) => held.reject(error) };
}

const snapshot = () => snapshotOf(100, [account('A', '1', 'r'), account('B', '2', 'r')]);
const rowsOf = (table: string) => lakeRows(join(lake, table), reading);
const logOf = (table: string) => readdirSync(join(lake, table, '_delta_log')).filter((name) => name.endsWith('.json'));

describe('a fold', () => {
  /** The tables of a lake in which the folds of these transactions crash before they commit their versions. */
  async function foldedWith(crashes: readonly number[]) {
    lake = join(root, String(++count));
    mkdirSync(lake);
    const { append, folding, stores, failures } = await open({ minimumChanges: 1 });
    const history = [
      snapshot(),
      transaction(200, [account('A', '1.5'), account('B', '3')]),
      transaction(300, [account('A', '7'), account('C', 'x', 'c')]),
    ];
    for (const [at, one] of history.entries()) {
      const position = folding.folded;
      if (crashes.includes(at)) jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValueOnce(new Error('killed'));
      await append(one);
      await until(() => folding.folded > position);
    }
    expect(failures).toHaveLength(crashes.length);
    return { versions: await rowsOf('accounts_dimension'), quarantine: await rowsOf('quarantine') };
  }

  it('gives the same versions and quarantine after a crash between the two', async () => {
    const crashed = await foldedWith([1, 2]);
    expect(crashed).toEqual(await foldedWith([]));
    expect(crashed.quarantine).toMatchObject([
      { key: '["A"]', raw: '{"balance":"1.5"}', opened_tx: 5n, closed_tx: 7n },
      { key: '["C"]', raw: '{"balance":"x"}', opened_tx: 7n, closed_tx: null },
    ]);
  });

  it('of a table without changes commits its position and nothing else', async () => {
    const { append, folding } = await open({ minimumChanges: 1 });
    await append(snapshot());
    await until(() => folding.folded === 4);
    await append(transaction(200, [account('A', '9')]));
    await until(() => folding.folded === 5);
    expect(logOf('notes_dimension')).toHaveLength(3);
    const entry = readFileSync(join(lake, 'notes_dimension', '_delta_log', '00000000000000000002.json'), 'utf8');
    const actions = entry
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(actions.map((action) => Object.keys(action))).toEqual([['commitInfo'], ['txn']]);
    expect(actions[1]).toEqual({ txn: { appId: 'fold', version: 5 } });
    expect(readdirSync(join(lake, 'notes_dimension')).filter((name) => name.endsWith('.parquet'))).toEqual([]);
  });

  it('of changes that change no state rewrites nothing', async () => {
    const { append, folding } = await open({ minimumChanges: 1 });
    await append(snapshot());
    await until(() => folding.folded === 4);
    const files = () => readdirSync(join(lake, 'accounts_dimension')).filter((name) => name.endsWith('.parquet'));
    const before = files();
    await append(transaction(200, [account('A', '1'), account('Z', null)]));
    await until(() => folding.folded === 6);
    expect(files()).toEqual(before);
  });
});

describe('folding begins', () => {
  it('when there are changes enough, and not before', async () => {
    const { append, folding, folded } = await open({ minimumChanges: 3 });
    await append(transaction(200, [account('A', '1', 'c'), account('B', '1', 'c')]));
    expect(await isPending(until(() => folded.length > 0))).toBe(true);
    await append(transaction(300, [account('A', '2')]));
    await until(() => folding.folded === 3);
    expect(folded.map(({ table, changes }) => [table, changes])).toEqual([
      ['accounts', 3],
      ['notes', 0],
    ]);
  });

  it('when the open rows have grown, only for a share of them', async () => {
    const { append, folding, folded } = await open({ minimumChanges: 1, shareOfOpenRows: 0.5 });
    await append(
      transaction(
        200,
        ['A', 'B', 'C', 'D', 'E', 'F'].map((id) => account(id, '1', 'c')),
      ),
    );
    await until(() => folding.folded === 6);
    await append(transaction(300, [account('A', '2'), account('B', '2')]));
    expect(await isPending(until(() => folded.length > 2))).toBe(true);
    await append(transaction(400, [account('A', '3')]));
    await until(() => folding.folded === 9);
  });

  it('when a change has waited long enough', async () => {
    const { append, folding } = await open({ maximumAge: 20 });
    await append(transaction(200, [account('A', '1', 'c')]));
    await until(() => folding.folded === 1);
  });

  it('at once after a snapshot, also while another fold runs', async () => {
    const { append, folding, stores } = await open();
    const held = holdFold(stores[0]!);
    await append(snapshot());
    await held.begun;
    await append(snapshotOf(300, [account('A', '5', 'r')]));
    held.letGo();
    await until(() => folding.folded === 7);
  });

  it('for a snapshot that a running fold has taken along once, not at the next change', async () => {
    const { append, folding, stores, folded } = await open();
    const held = holdFold(stores[0]!);
    await append(snapshot());
    await held.begun;
    folding.appended({ tip: { position: 4 }, snapshot: true });
    held.letGo();
    await until(() => folding.folded === 4);
    await append(transaction(300, [account('A', '5')]));
    await sleep(10);
    expect(folded).toHaveLength(2);
  });

  it('by the next life with what the one before left', async () => {
    const first = await open();
    await first.append(transaction(200, [account('A', '1', 'c')]));
    const { folding } = await open({ minimumChanges: 1 });
    folding.appended({ tip: { position: 1 }, snapshot: false });
    await until(() => folding.folded === 1);
  });
});

describe('folding that is behind', () => {
  it('withholds the source, and lets it go on when it has caught up', async () => {
    const { append, folding, stores } = await open({ minimumChanges: 1, maximumBacklog: 2 });
    const held = holdFold(stores[1]!);
    await append(transaction(100, [account('A', '1', 'c')]), transaction(200, [account('A', '2')]));
    await expect(folding.room()).resolves.toBeUndefined();
    await held.begun;
    await append(transaction(300, [account('A', '3')]));
    const room = folding.room();
    expect(await isPending(room)).toBe(true);
    held.letGo();
    await room;
    expect(folding.folded).toBeGreaterThanOrEqual(1);
  });

  it('goes on withholding the source while folds fail, and lets it go at its end', async () => {
    const { append, folding, stores, failures } = await open({ minimumChanges: 1, maximumBacklog: 2 });
    const commit = jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValue(new Error('ENOSPC'));
    await append(transaction(100, [account('A', '1', 'c'), account('B', '1', 'c'), account('C', '1', 'c')]));
    const room = folding.room();
    await until(() => failures.length > 2);
    expect(await isPending(room)).toBe(true);
    await folding.stop();
    await room;
    const attempts = commit.mock.calls.length;
    await sleep(20);
    expect(commit.mock.calls).toHaveLength(attempts);
  });
});

describe('a fold that fails', () => {
  it('is tried again after the pause, and stops no other table', async () => {
    const { append, folding, stores, folded, failures } = await open({ minimumChanges: 3 });
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValueOnce(new Error('ENOSPC'));
    await append(transaction(200, [account('A', '1', 'c'), account('B', '1', 'c'), account('C', '1', 'c')]));
    await until(() => failures.length === 1);
    expect(folded.map(({ table }) => table)).toEqual(['notes']);
    await until(() => folding.folded === 3);
    expect(await rowsOf('accounts_dimension')).toHaveLength(3);
  });

  it('is tried again soon, even where few changes wait', async () => {
    const { append, folding, stores, failures } = await open();
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValueOnce(new Error('ENOSPC'));
    await append(snapshot());
    await until(() => folding.folded === 4);
    expect(failures).toEqual([new Error('ENOSPC')]);
  });
});

describe('stopping', () => {
  it('in the middle of a fold ends with that table, and the next life does the others', async () => {
    const { append, folding, stores } = await open();
    const held = holdFold(stores[0]!);
    await append(snapshot());
    await held.begun;
    const stopped = folding.stop();
    expect(await isPending(stopped)).toBe(true);
    held.letGo();
    await stopped;
    expect(stores.map(foldPosition)).toEqual([4, 0]);
    folding.appended({ tip: { position: 4 }, snapshot: true });
    await sleep(20);
    expect(foldPosition(stores[1]!)).toBe(0);
    const next = await open({ minimumChanges: 1 });
    next.folding.appended({ tip: { position: 4 }, snapshot: false });
    await until(() => next.folding.folded === 4);
    expect(next.folded.map(({ table }) => table)).toEqual(['notes']);
  });

  it('during the pause after a failure does not wait for it', async () => {
    const { append, folding, stores, failures } = await open({ pauseAfterFailure: 2 ** 30 });
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValue(new Error('ENOSPC'));
    await append(snapshot());
    await until(() => failures.length === 1);
    await folding.stop();
  });
});
