import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Transaction } from '#libs/change-event';
import { checkpoint, cleanLog, createTable, DeltaTable, type AddFile } from '#libs/delta-log';
import { changelog, openDuckDb } from '#libs/lake';
import { account, lakeRows, ledger, snapshotOf, temporaryFolder, transaction } from '#libs/test-lake';
import { ChangelogAppender } from '../append/changelog-appender.js';
import { FoldingEnded, FoldSchedule, type FoldOptions } from './fold-schedule.js';
import type { Folded } from './fold.js';
import type { FoldFailed } from './table-folding.js';
import { openVersionStores, type VersionStore } from './version-store.js';

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
  /** The folds' own connection. */
  readonly folds: DuckDBConnection;
  readonly append: (...transactions: Transaction[]) => Promise<void>;
  readonly folded: Folded[];
  readonly failures: FoldFailed[];
}

const ignore = () => {};

/** Folding with nothing that begins a fold by itself, unless told otherwise. */
async function open(options: Partial<FoldOptions> = {}): Promise<Life> {
  const connection = await duckdb.connect();
  const folder = join(lake, changelog.name);
  await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, connection);
  const table = await DeltaTable.open(folder, connection);
  const stores = await openVersionStores(lake, ledger.tables, connection);
  const [folded, failures]: [Folded[], FoldFailed[]] = [[], []];
  const folds = await duckdb.connect();
  const folding = new FoldSchedule(stores, table, folds, {
    ...{ minimumChanges: 1_000_000, shareOfOpenRows: 0.01, maximumAge: 2 ** 30, maximumBacklog: 4 },
    ...{ folded: (one) => folded.push(one), failed: (error) => failures.push(error), pauseAfterFailure: 1, ...options },
  });
  schedules.push(folding);
  const appender = new ChangelogAppender(table, {
    ...{ eventTable: undefined, memoryBudget: 1e6, spoolFolder: lake, pendingBudget: 1e6, longestRest: 0 },
    watermark: { time: 0n, reached: async () => {}, completeLsn: () => null, claim: async () => {} },
    ...{ appended: (done) => folding.appended(done), suspiciousClock: ignore, failed: ignore },
  });
  const append = async (...transactions: Transaction[]) => {
    for (const one of transactions) await appender.accept(one);
    await appender.settled();
  };
  return { stores, folding, folds, append, folded, failures };
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
const dataFilesOf = (table: string) =>
  readdirSync(join(lake, table), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.parquet'));
const logOf = (table: string) => readdirSync(join(lake, table, '_delta_log')).filter((name) => name.endsWith('.json'));

describe('a column that the source has no more', () => {
  const lost = { ...account('A', '9'), after: { id: 'A' } };

  it('stops its table, and nothing else, by name', async () => {
    const { append, folding, stores, failures } = await open();
    await append(snapshot());
    await folding.foldNow();
    await append(transaction(200, [account('B', '3'), lost]));
    await expect(folding.foldNow()).rejects.toThrow('The change of accounts at position');
    expect(failures.at(-1)!.cause).toMatchObject({ code: 'column-missing', table: 'accounts', column: 'balance' });
    const [accounts, ...others] = stores;
    expect(accounts!.foldPosition).toBeLessThan(others[0]!.foldPosition);
    expect((await rowsOf('accounts_dimension')).map(({ id, valid_to }) => [id, valid_to])).toEqual([
      ['A', null],
      ['B', null],
    ]);
  });

  it('lets folds go on by themselves when it is back, in whichever life; what changed meanwhile is unknown', async () => {
    const first = await open();
    await first.append(snapshot());
    await first.folding.foldNow();
    const [{ versions }] = first.stores as [VersionStore];
    await checkpoint(versions.folder, versions.snapshot, reading); // what stands beside the files goes with them
    await cleanLog(versions.folder, versions.snapshot, { now: Date.now() + 1e9, retention: 0 });
    await first.folding.stop();
    const { append, folding } = await open();
    await append(transaction(200, [lost]));
    await expect(folding.foldNow()).rejects.toThrow('has no column balance');
    await append(transaction(300, [account('B', null)]));
    await expect(folding.foldNow()).rejects.toThrow('has no column balance');
    await append(transaction(400, [account('B', '3')]));
    await folding.foldNow();
    const [from, to] = [await rowsOf('accounts_dimension'), await rowsOf('quarantine')];
    const told = from.map(({ id, balance, opened_tx, closed_tx }) => `${id}: ${balance} [${opened_tx}, ${closed_tx})`);
    expect(told.sort()).toEqual(['A: 1 [1, 5)', 'B: 2 [1, 6)', 'B: 3 [7, null)']);
    expect(to.map(({ key, raw, opened_tx, closed_tx }) => [key, raw, opened_tx, closed_tx].join(' '))).toEqual([
      '["A"] {"balance":null} 5 ',
    ]);
  });
});

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
    expect(dataFilesOf('notes_dimension')).toEqual([]);
  });

  it('of changes that change no state rewrites nothing', async () => {
    const { append, folding } = await open({ minimumChanges: 1 });
    await append(snapshot());
    await until(() => folding.folded === 4);
    const before = dataFilesOf('accounts_dimension');
    expect(before).toHaveLength(1);
    await append(transaction(200, [account('A', '1'), account('Z', null)]));
    await until(() => folding.folded === 6);
    expect(dataFilesOf('accounts_dimension')).toEqual(before);
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

  it('when there are bytes enough, of changes that are not folded', async () => {
    const sizes = () =>
      readdirSync(join(lake, changelog.name))
        .filter((name) => name.endsWith('.parquet'))
        .map((name) => statSync(join(lake, changelog.name, name)).size);
    const probe = await open();
    await probe.append(transaction(100, [account('A', '1', 'c')]));
    await probe.folding.foldNow();
    const { append, folding, folded } = await open({ maximumBytes: sizes()[0]! * 1.5 });
    await append(transaction(200, [account('A', '2')]));
    expect(await isPending(until(() => folded.length > 0))).toBe(true);
    await append(transaction(300, [account('A', '3')]));
    await until(() => folding.folded === 3);
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
  const behind = { minimumChanges: 1, maximumBacklog: 2 };
  const threeChanges = () => ['A', 'B', 'C'].map((id, at) => transaction(100 + at, [account(id, '1', 'c')]));

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

  it('withholds the source for bytes as for changes', async () => {
    const { append, folding, stores } = await open({ maximumBytes: 1, maximumBacklog: 1 });
    const held = holdFold(stores[1]!);
    await append(transaction(100, [account('A', '1', 'c')]));
    const room = folding.room();
    expect(await isPending(room)).toBe(true);
    held.letGo();
    await room;
    expect(folding.folded).toBe(1);
  });

  it('withholds the source at the first failures of a fold', async () => {
    const { append, folding, stores, failures } = await open({ ...behind, pauseAfterFailure: 2 ** 30 });
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValue(new Error('ENOSPC'));
    await append(...threeChanges());
    const room = folding.room();
    await until(() => failures.length > 0);
    expect(await isPending(room)).toBe(true);
    await folding.stop();
    await room;
  });

  it('withholds it no longer for a table that fails again and again, but goes on trying', async () => {
    const { append, folding, stores, failures, folded } = await open(behind);
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValue(new Error('cannot'));
    await append(...threeChanges());
    await folding.room();
    expect(failures.length).toBeGreaterThanOrEqual(3);
    expect(new Set(folded.map(({ table }) => table))).toEqual(new Set(['notes']));
    expect(folding.failure!.message).toMatch(/The changes of accounts cannot be folded.* cannot$/);
    jest.mocked(stores[0]!.versions.commit).mockRestore();
    await until(() => folding.folded === 3);
    expect(folding.failure).toBeNull();
  });

  it('withholds it for another table beside one that fails again and again', async () => {
    const { append, folding, stores, failures } = await open(behind);
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValue(new Error('cannot'));
    const held = holdFold(stores[1]!);
    await append(...threeChanges());
    const room = folding.room();
    await until(() => failures.length > 0);
    await held.begun;
    expect(await isPending(room)).toBe(true);
    held.letGo();
    await room;
  });

  it('after its end attempts nothing more', async () => {
    const { append, folding, stores, failures } = await open(behind);
    const commit = jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValue(new Error('ENOSPC'));
    await append(...threeChanges());
    await until(() => failures.length > 2);
    await folding.stop();
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
    await until(() => folding.folded === 3);
    expect(failures).toHaveLength(1);
    expect(folded.map(({ table }) => table)).toEqual(['notes', 'accounts']);
    expect(await rowsOf('accounts_dimension')).toHaveLength(3);
  });

  it('is tried again soon, even where few changes wait', async () => {
    const { append, folding, stores, failures } = await open();
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValueOnce(new Error('ENOSPC'));
    await append(snapshot());
    await until(() => folding.folded === 4);
    expect(failures.map(({ table, cause }) => [table, cause])).toEqual([['accounts', new Error('ENOSPC')]]);
  });
});

describe('asked to fold now', () => {
  it('folds all that was appended before, although nothing is due', async () => {
    const { append, folding, folded } = await open();
    await append(transaction(200, [account('A', '1', 'c')]));
    await folding.foldNow();
    expect(folding.folded).toBe(1);
    await folding.foldNow();
    expect(folded).toHaveLength(2);
  });

  it('folds what a fold under way does not take along', async () => {
    const { append, folding, stores } = await open();
    const held = holdFold(stores[0]!);
    await append(snapshot());
    await held.begun;
    await append(transaction(300, [account('A', '5')]));
    const done = folding.foldNow();
    expect(await isPending(done)).toBe(true);
    held.letGo();
    await done;
    expect(folding.folded).toBe(5);
  });

  it('tells why a table cannot be, and does not wait for its pause when asked again', async () => {
    const { append, folding, stores } = await open({ pauseAfterFailure: 2 ** 30 });
    jest.spyOn(stores[0]!.versions, 'commit').mockRejectedValueOnce(new Error('ENOSPC'));
    await append(transaction(200, [account('A', '1', 'c')]));
    await expect(folding.foldNow()).rejects.toThrow(/changes of accounts .*ENOSPC/);
    expect(stores[1]!.foldPosition).toBe(1);
    await folding.foldNow();
    expect(folding.folded).toBe(1);
  });

  it('tells when the projection ends first', async () => {
    const { append, folding, stores } = await open();
    const held = holdFold(stores[0]!);
    await append(transaction(200, [account('A', '1', 'c')]));
    const done = folding.foldNow();
    done.catch(ignore);
    await held.begun;
    const stopped = folding.stop();
    held.letGo();
    await stopped;
    await expect(done).rejects.toThrow(FoldingEnded);
  });

  it('tells how many changes have been passed over or taken, table by table', async () => {
    const { append, folding } = await open();
    await append(transaction(200, [account('A', '1', 'c')]), transaction(300, [account('B', '1', 'c')]));
    const told: [number, number | null][] = [];
    await folding.foldNow({ progress: (...progress) => told.push(progress) });
    expect(told.filter((progress, i) => !isDeepStrictEqual(progress, told[i - 1]))).toEqual([
      [0, 4],
      [2, 4],
      [4, 4],
    ]);
  });

  it('and called off stops in the middle of a table, which is as it was, and folds later', async () => {
    const { append, folding, folds, failures, folded } = await open();
    await append(transaction(200, [account('A', '1', 'c')]));
    const calling = new AbortController();
    const run = folds.run.bind(folds);
    jest.spyOn(folds, 'run').mockImplementationOnce((...args) => {
      setImmediate(() => calling.abort(new Error('called off')));
      // never ends by itself
      return run('CREATE OR REPLACE TEMP TABLE endless AS FROM range(1_000_000_000_000)').then(() => run(...args));
    });
    await expect(folding.foldNow({ signal: calling.signal })).rejects.toThrow('called off');
    expect({ failures, failure: folding.failure, folded }).toEqual({ failures: [], failure: null, folded: [] });
    expect([await dataFilesOf('accounts_dimension'), await dataFilesOf('notes_dimension')]).toEqual([[], []]);
    await folding.foldNow();
    expect(await rowsOf('accounts_dimension')).toHaveLength(1);
  });

  it('and called off before its turn leaves the fold alone that runs', async () => {
    const { append, folding, stores, folded } = await open();
    const held = holdFold(stores[0]!);
    await append(snapshot());
    await held.begun;
    await append(transaction(300, [account('A', '5')]));
    const calling = new AbortController();
    const done = folding.foldNow({ signal: calling.signal });
    calling.abort(new Error('called off'));
    await expect(done).rejects.toThrow('called off');
    held.letGo();
    await until(() => folded.length === 2);
    expect(folding.folded).toBe(4);
  });
});

describe('work on a table alone', () => {
  it('begins when its fold is done, and lets none begin, while other tables fold', async () => {
    const { append, folding, stores } = await open({ minimumChanges: 1 });
    const held = holdFold(stores[1]!);
    await append(transaction(200, [account('A', '1', 'c')]));
    await held.begun;
    const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const working = folding.exclusively('notes', async () => {
      begun.resolve();
      await over.promise;
      return stores[1]!.foldPosition;
    });
    expect(await isPending(begun.promise)).toBe(true);
    held.letGo();
    await begun.promise;
    await append(transaction(300, [account('A', '2')]));
    await until(() => stores[0]!.foldPosition === 2);
    expect(stores[1]!.foldPosition).toBe(1);
    over.resolve();
    expect(await working).toBe(1);
    await until(() => folding.folded === 2);
  });

  it('that brings its versions further leaves a fold that waits for it nothing to do', async () => {
    const { append, folding, stores, folded } = await open({ minimumChanges: 1 });
    const over = Promise.withResolvers<void>();
    const working = folding.exclusively('accounts', async () => {
      await over.promise;
      await stores[0]!.versions.commit([{ txn: { appId: 'fold', version: 9 } }]);
    });
    await append(transaction(200, [account('A', '1', 'c')]));
    over.resolve();
    await working;
    await until(() => stores[1]!.foldPosition === 1);
    expect(stores[0]!.foldPosition).toBe(9);
    expect(folded.map(({ table }) => table)).toEqual(['notes']);
  });

  it('that fails tells so, and folds go on', async () => {
    const { append, folding } = await open({ minimumChanges: 1 });
    const working = folding.exclusively('accounts', () => Promise.reject(new Error('not today')));
    await append(transaction(200, [account('A', '1', 'c')]));
    await expect(working).rejects.toThrow('not today');
    await until(() => folding.folded === 1);
  });
});

describe('versions that another catalog made', () => {
  const drift = ({ versions }: VersionStore, hash: string) => {
    const { metadata } = versions.snapshot;
    return versions.commit([
      { metaData: { ...metadata, configuration: { ...metadata.configuration, ...{ 'migsbyu.catalog': hash } } } },
    ]);
  };

  it('are left alone and hold nobody back, until their table is made anew', async () => {
    const { append, folding, stores, folded } = await open({ minimumChanges: 1, maximumBacklog: 1 });
    const hash = stores[0]!.versions.snapshot.metadata.configuration['migsbyu.catalog']!;
    await drift(stores[0]!, 'another');
    await append(snapshot());
    await folding.room();
    await folding.foldNow();
    expect(folding.folded).toBe(4);
    expect(folded.map(({ table }) => table)).toEqual(['notes']);
    expect(stores[0]!.foldPosition).toBe(0);
    await folding.exclusively('accounts', () => drift(stores[0]!, hash));
    await until(() => stores[0]!.foldPosition === 4);
  });
});

describe('a quarantine made anew beside another one', () => {
  const generationOf = (lines: readonly AddFile[]) => lines.map(({ tags }) => tags!['migsbyu.generation']);

  it('is the one that folds go on from and write to, once the versions name it', async () => {
    const { append, folding, stores } = await open();
    await append(transaction(200, [account('A', 'x', 'c'), account('B', 'y', 'c')]));
    await folding.foldNow();
    const { versions, quarantine } = stores[0]!;
    const [first] = [...quarantine.snapshot.files.values()];
    expect(generationOf([first!])).toEqual(['0']);
    const path = `${randomUUID()}.parquet`;
    await reading.run(`COPY (SELECT * REPLACE ('["N"]' AS key) FROM read_parquet('${lake}/quarantine/${first!.path}', hive_partitioning = false)
      WHERE key = '["A"]') TO '${lake}/quarantine/${path}' (FORMAT parquet)`);
    await quarantine.commit([{ add: { ...first!, path, tags: { 'migsbyu.generation': '1' } } }]);
    await append(transaction(300, [account('B', '1')]));
    await folding.foldNow();
    expect(await rowsOf('quarantine')).toHaveLength(3);
    await versions.commit([{ txn: { appId: 'quarantine', version: 1 } }]);
    await append(transaction(400, [account('N', '1')]));
    await folding.foldNow();
    const live = [...quarantine.snapshot.files.values()];
    expect(generationOf(live).sort()).toEqual(['0', '1']);
    const next = live.find(({ tags }) => tags!['migsbyu.generation'] === '1')!;
    const rows = await reading.runAndReadAll(
      `SELECT key, opened_tx::INTEGER, closed_tx::INTEGER FROM read_parquet('${lake}/quarantine/${next.path}')`,
    );
    expect(rows.getRowsJS()).toEqual([['["N"]', 1, 4]]);
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
    expect(stores.map(({ foldPosition }) => foldPosition)).toEqual([4, 0]);
    folding.appended({ tip: { position: 4 }, snapshot: true });
    await sleep(20);
    expect(stores[1]!.foldPosition).toBe(0);
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
