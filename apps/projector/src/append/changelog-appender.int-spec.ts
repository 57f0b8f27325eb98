import { readdirSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Transaction } from '#libs/change-event';
import { createTable, DeltaTable, Fenced, loadSnapshot, type AddFile } from '#libs/delta-log';
import { appIds, changelog, changelogTags, openDuckDb } from '#libs/lake';
import {
  account,
  changeEvent,
  epochOf,
  lakeRows,
  liveFiles,
  snapshotOf,
  temporaryFolder,
  transaction,
  truncated,
  type ChangeOf,
} from '#libs/test-lake';
import { ChangelogAppender, type AppendOptions } from './changelog-appender.js';

const root = temporaryFolder('append');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});

let [count, folder, spoolFolder] = [0, '', ''];
let failures: Error[];
beforeEach(async () => {
  failures = [];
  folder = join(root, String(++count), changelog.name);
  spoolFolder = join(root, String(count), 'spool');
  await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, reading);
});

const noWatermark = { time: 0n, reached: async () => {}, completeLsn: () => null, claim: async () => {} };

/** One life of the appender, and its hold on the table. */
async function open(options: Partial<AppendOptions> = {}) {
  const connection = await duckdb.connect();
  const table = await DeltaTable.open(folder, connection);
  const appender = new ChangelogAppender(table, {
    ...{
      eventTable: 'domain_events',
      memoryBudget: 1e6,
      spoolFolder,
      pendingBudget: 1e6,
      longestRest: 0,
      watermark: noWatermark,
    },
    ...{ appended: () => {}, suspiciousClock: () => {}, failed: (error: Error) => failures.push(error) },
    ...options,
  });
  return { table, appender };
}

/** Holds the table's next commit back until it is let go, or made to fail. */
function holdCommit(table: DeltaTable) {
  const held = Promise.withResolvers<void>();
  const commit = table.commit.bind(table);
  const begun = new Promise<void>((resolve) => {
    jest.spyOn(table, 'commit').mockImplementationOnce(async (...args) => {
      resolve();
      await held.promise;
      return commit(...args);
    });
  });
  return { begun, letGo: () => held.resolve(), fail: (error: Error) => held.reject(error) };
}

/** Whether it settles within some turns of the event loop. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => (settled = true);
  promise.then(settle, settle);
  for (let i = 0; i < 20; i++) await turn();
  return !settled;
}

const openSpools = () =>
  readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(spoolFolder);
    } catch {
      return false; // the descriptor that lists the folder
    }
  }).length;

const big = (commitLsn: number, changes = 50): Transaction =>
  transaction(
    commitLsn,
    Array.from({ length: changes }, (_, i) => account(`A${i}`, String(commitLsn))),
    { chunk: 5 },
  );
const small = (commitLsn: number): Transaction => transaction(commitLsn, [account('A', String(commitLsn))]);
const rows = (select: string) => lakeRows(folder, reading, select);
const positions = async () => (await rows('position::INTEGER AS position')).map(({ position }) => position);
const lsns = async () => (await rows('commit_lsn::INTEGER AS lsn')).map(({ lsn }) => lsn);
const until = (number: number) => Array.from({ length: number }, (_, i) => i + 1);
const version = async () => (await loadSnapshot(folder, reading))!.version;

describe('the changelog', () => {
  it('says in txn actions and tags what its rows are, over several files a transaction', async () => {
    const { appender } = await open({ rowsPerFile: 20 });
    await appender.accept(snapshotOf(100, [account('A', '1', 'r')]));
    await appender.settled();
    await appender.accept(big(200, 90));
    await appender.accept(transaction(300, [account('B', '1')], { sourceOffset: 77 }));
    await appender.settled();

    const { transactions, files } = (await loadSnapshot(folder, reading))!;
    const [last] = await rows(`max(position)::INTEGER AS position, max(commit_lsn)::INTEGER AS lsn,
      max(epoch_us(effective_at))::BIGINT AS time, max(tx_position)::INTEGER AS tx`);
    expect(last).toEqual({ position: 94, lsn: 300, time: 1_700_000_300_000_000n, tx: 94 });
    expect(Object.fromEntries(transactions)).toEqual({
      [appIds.position]: 94,
      [appIds.commitLsn]: 300,
      [appIds.effectiveAt]: 1_700_000_300_000_000,
      [appIds.sourceOffset]: 77,
    });
    expect(await positions()).toEqual(until(94));
    expect(
      (await rows('ordinal::INTEGER AS ordinal, tx_position'))
        .filter(({ tx_position }) => tx_position === 4n)
        .map(({ ordinal }) => ordinal),
    ).toEqual(until(90).map((n) => n - 1));
    expect(files.size).toBe(7);
    for (const file of files.values()) expect(file.tags).toEqual(await tagsByRows(file));
  });

  async function tagsByRows({ path, stats }: AddFile) {
    const reader = await reading.runAndReadAll(`SELECT min(position), max(position), min(epoch_us(effective_at)),
      max(epoch_us(effective_at)), count(*) FROM read_parquet('${folder}/${path}')`);
    const [first, last, firstTime, lastTime, numRecords] = reader.getRows()[0]!.map(String);
    expect(JSON.parse(stats!)).toMatchObject({
      numRecords: Number(numRecords),
      minValues: { position: Number(first) },
      maxValues: { position: Number(last) },
    });
    const { firstPosition, lastPosition, firstEffectiveAt, lastEffectiveAt } = changelogTags;
    return { [firstPosition]: first, [lastPosition]: last, [firstEffectiveAt]: firstTime, [lastEffectiveAt]: lastTime };
  }

  it('takes what collected during a commit as one version', async () => {
    const { table, appender } = await open();
    const held = holdCommit(table);
    await appender.accept(small(100));
    await held.begun;
    for (const lsn of [200, 300, 400]) await appender.accept(small(lsn));
    expect(await version()).toBe(0);
    held.letGo();
    await appender.settled();
    expect({ version: await version(), lsns: await lsns() }).toEqual({ version: 2, lsns: [100, 200, 300, 400] });
  });

  it('holds equal rows for a transaction that went through the spool, and no file stays open', async () => {
    const { appender } = await open({ memoryBudget: 500 });
    await appender.accept(big(100));
    await appender.accept(big(200));
    await appender.settled();
    expect(await positions()).toEqual(until(100));
    const texts = await rows(`position, after->>'$.id' AS id, after->>'$.balance' AS balance`);
    expect(texts.slice(48, 52)).toMatchObject([
      ...[
        { id: 'A48', balance: '100' },
        { id: 'A49', balance: '100' },
      ],
      ...[
        { id: 'A0', balance: '200' },
        { id: 'A1', balance: '200' },
      ],
    ]);
    expect(openSpools()).toBe(0);
  });

  it('begins a new file after as many characters, however few rows they are', async () => {
    const { appender } = await open({ charactersPerFile: 1000 });
    const wide = Array.from({ length: 6 }, (_, i) => account(`A${i}`, '1'.repeat(400)));
    await appender.accept(transaction(100, wide, { chunk: 1 }));
    await appender.settled();
    expect((await liveFiles(folder, reading)).length).toBe(2);
    expect(await positions()).toEqual(until(6));
  });

  it('keeps each change as it was, whatever its neighbours in the transaction are', async () => {
    const { appender } = await open({ eventTable: 'events' });
    const event = (stream: string, actor: string): ChangeOf => ({
      ...{ table: 'events', op: 'c', key: JSON.stringify([stream, '1']) },
      after: { stream_id: stream, metadata: JSON.stringify({ actor, command: 'line\nend', correlation_id: stream }) },
    });
    const awkward = { id: 'A\n1', balance: '"\\\u0001 💥' };
    const changes: ChangeOf[] = [
      truncated('accounts'),
      { table: 'accounts', op: 'c', key: JSON.stringify(['A\n1']), after: awkward },
      event('accounts:A2', 'ann'),
      { ...account('A2', '2'), before: awkward },
      account('A2', null),
      event('notes:N', 'bob'),
      { table: 'notes', op: 'u', key: '["N"]', before: { id: 'N', body: null }, after: { id: 'N', body: '' } },
    ];
    await appender.accept(transaction(100, [account('B', '0')]));
    await appender.accept(transaction(200, changes));
    await appender.accept(transaction(300, [account('B', '1')]));
    await appender.settled();
    const written = await rows(
      `position::INTEGER AS position, tx_position::INTEGER AS tx, ordinal::INTEGER AS ordinal, commit_lsn::INTEGER AS lsn, tx_id,
      "table", op, key, before, after, actor, command, correlation_id`,
    );
    const nobody = { actor: null, command: null, correlation_id: null };
    const of = (actor: string, correlation_id: string) => ({ actor, command: 'line\nend', correlation_id });
    const ann = of('ann', 'accounts:A2');
    const bob = of('bob', 'notes:N');
    const origins = [nobody, nobody, ann, ann, ann, bob, bob];
    const expected = changes.map((change, ordinal) => ({
      ...{ position: 2 + ordinal, tx: 2, lsn: 200, tx_id: '200' },
      ...{ ...changeEvent(change, ordinal), ...origins[ordinal] },
    }));
    const alone = (position: number, lsn: number, balance: string) => ({
      ...{ position, tx: position, lsn, tx_id: String(lsn) },
      ...{ ...changeEvent(account('B', balance), 0), ...nobody },
    });
    expect(written).toEqual([alone(1, 100, '0'), ...expected, alone(9, 300, '1')]);
  });

  it('keeps single changes of many transactions as they were', async () => {
    const { appender } = await open();
    const changes = [account('A\n', '1'), truncated('accounts'), account('A', null), account('"', '\n')];
    for (const [i, change] of changes.entries()) await appender.accept(transaction(100 + i, [change]));
    await appender.settled();
    const written = await rows(
      'position::INTEGER AS position, ordinal::INTEGER AS ordinal, "table", op, key, before, after',
    );
    expect(written).toEqual(changes.map((change, i) => ({ position: i + 1, ...changeEvent(change, 0) })));
  });

  it('takes in whatever comes in any microtask after a commit', async () => {
    let hops = 0;
    const kept: number[] = [];
    const { appender } = await open({
      appended: async ({ tip }) => {
        for (let i = 0; i < hops; i++) await Promise.resolve();
        await appender.progress({ lsn: tip.commitLsn, sourceTime: 1n });
        kept.push(tip.position);
      },
    });
    for (hops = 0; hops < 8; hops++) {
      await appender.accept(small(100 + hops));
      await appender.settled();
      for (let i = 0; i < 5; i++) await turn();
      expect({ hops, kept }).toEqual({ hops, kept: until(hops + 1) });
    }
  });

  it('drops what comes again, and closes its spool', async () => {
    const first = await open({ memoryBudget: 500 });
    await first.appender.accept(big(200));
    await first.appender.settled();
    const { appender } = await open({ memoryBudget: 500 });
    for (const lsn of [100, 200, 300]) await appender.accept(big(lsn));
    await appender.settled();
    expect({ last: appender.lastPosition, open: openSpools(), version: await version() }).toEqual({
      ...{ last: 100, open: 0, version: 2 },
    });
    expect(await positions()).toEqual(until(100));
  });

  it('keeps no trace of a transaction that broke off', async () => {
    const { appender } = await open({ memoryBudget: 500 });
    await appender.accept(small(100));
    const breaksOff = async function* () {
      yield* big(200).changes;
      throw new Error('cut off');
    };
    await expect(appender.accept({ ...big(200), changes: breaksOff() })).rejects.toThrow('cut off');
    await appender.accept(big(200));
    await appender.settled();
    expect({ open: openSpools(), failures, positions: await positions() }).toEqual({
      ...{ open: 0, failures: [], positions: until(51) },
    });
  });
});

describe('back-pressure', () => {
  it('withholds accepting while more waits than may, and goes on when it is being written', async () => {
    const { table, appender } = await open({ pendingBudget: 500 });
    const held = holdCommit(table);
    await appender.accept(small(100));
    await held.begun;
    const accepted = appender.accept(big(200));
    expect(await isPending(accepted)).toBe(true);
    held.letGo();
    await accepted;
    await appender.settled();
    expect(await positions()).toEqual(until(51));
  });

  it('ends with the failure of a commit', async () => {
    const { table, appender } = await open({ pendingBudget: 500 });
    const held = holdCommit(table);
    await appender.accept(small(100));
    await held.begun;
    const accepted = appender.accept(big(200));
    expect(await isPending(accepted)).toBe(true);
    held.fail(new Error('ENOSPC'));
    await expect(accepted).rejects.toThrow('ENOSPC');
    await expect(appender.accept(small(300))).rejects.toThrow('ENOSPC');
    await appender.settled();
    expect(failures).toEqual([new Error('ENOSPC')]);
    expect(await version()).toBe(0);
  });
});

describe('after a failed commit', () => {
  /** What a source that was told nothing sends again. */
  const sentAgain = [100, 200, 300];

  async function expectToResume() {
    const { appender } = await open();
    for (const lsn of sentAgain) await appender.accept(small(lsn));
    await appender.settled();
    expect({ positions: await positions(), lsns: await lsns() }).toEqual({ positions: [1, 2, 3], lsns: sentAgain });
  }

  it('no spool stays open: neither of the batch, nor of what waited, nor of what comes later', async () => {
    const { table, appender } = await open({ memoryBudget: 500 });
    const held = holdCommit(table);
    await appender.accept(big(100));
    await held.begun;
    await appender.accept(big(200));
    await appender.accept(big(300));
    expect(openSpools()).toBe(2);
    held.fail(new Error('ENOSPC'));
    await appender.settled();
    expect(openSpools()).toBe(0);
    await expect(appender.accept(big(400))).rejects.toThrow('ENOSPC');
    expect(openSpools()).toBe(0);
  });

  it('no spool stays open of a batch that fails while it is written', async () => {
    const { table, appender } = await open({ memoryBudget: 500 });
    const held = holdCommit(table);
    await appender.accept(small(100));
    await held.begun;
    for (const lsn of [200, 300, 400]) await appender.accept(big(lsn));
    renameSync(folder, `${folder}.away`);
    held.fail(new Error('unused: the folder is gone first'));
    await appender.settled();
    expect(openSpools()).toBe(0);
  });

  it('progress is not kept: neither what waited, nor what comes later', async () => {
    const reached = jest.fn(async () => {});
    const { table, appender } = await open({ watermark: { ...noWatermark, reached } });
    const held = holdCommit(table);
    await appender.accept(small(100));
    const kept = appender.progress({ lsn: 150, sourceTime: 1n });
    held.fail(new Error('ENOSPC'));
    await appender.settled();
    const later = appender.progress({ lsn: 250, sourceTime: 2n });
    expect(await isPending(Promise.race([kept, later]))).toBe(true);
    expect(reached).not.toHaveBeenCalled();
    await appender.settled(); // ends
  });

  it('whatever was not committed comes into the lake by the next life, exactly once', async () => {
    const { table, appender } = await open();
    await appender.accept(small(100));
    await appender.settled();
    jest.spyOn(table, 'commit').mockRejectedValue(Object.assign(new Error('no space left'), { code: 'ENOSPC' }));
    await appender.accept(small(200));
    await appender.settled();
    expect(failures).toMatchObject([{ code: 'ENOSPC' }]);
    expect(await positions()).toEqual([1]);
    await expectToResume();
  });

  it('a folder that went away and came back holds what it held, and the next life resumes', async () => {
    const { appender } = await open();
    await appender.accept(small(100));
    await appender.settled();
    renameSync(folder, `${folder}.away`);
    await appender.accept(small(200));
    await appender.settled();
    expect(failures).toHaveLength(1);
    renameSync(`${folder}.away`, folder);
    expect(await positions()).toEqual([1]);
    await expectToResume();
  });

  it('a log that another writer goes on with fences this one off for good', async () => {
    const [slow, fast] = [await open(), await open()];
    await fast.appender.accept(small(100));
    await fast.appender.settled();
    await slow.appender.accept(transaction(200, [account('Z', '1')]));
    await slow.appender.settled();
    expect(failures).toEqual([expect.any(Fenced)]);
    await expect(slow.appender.accept(small(300))).rejects.toThrow(Fenced);
    expect(await lsns()).toEqual([100]);
    await expectToResume();
  });
});

describe('time in the changelog', () => {
  const times = async () =>
    (await rows('position, any_value(epoch_us(effective_at)) OVER (PARTITION BY position) AS time')).map(
      ({ time }) => time as bigint,
    );

  it('rises strictly, over restarts, clocks that fall and transactions of one moment', async () => {
    let lsn = 100;
    for (let life = 0; life < 3; life++) {
      const { appender } = await open();
      for (const back of [0n, 5n, 5n])
        await appender.accept(
          transaction(++lsn, [account('A', String(lsn))], { committedAt: 1_700_000_000_000_000n - back }),
        );
      await appender.settled();
    }
    const found = await times();
    expect(found).toHaveLength(9);
    expect(found).toEqual(found.map((_, i) => 1_700_000_000_000_000n + BigInt(i)));
  });

  it('begins after a watermark that is ahead of the lake, also after a restart', async () => {
    const time = 1_800_000_000_000_000n;
    const watermark = { ...noWatermark, time };
    for (const lsn of [100, 200]) {
      const { appender } = await open({ watermark });
      await appender.accept(small(lsn));
      await appender.settled();
    }
    expect(await times()).toEqual([time + 1n, time + 2n]);
  });

  it('is not taken along by a clock that is years ahead, which is reported', async () => {
    const suspicious: string[] = [];
    const { appender } = await open({ suspiciousClock: ({ txId }) => suspicious.push(txId) });
    const committedAt = BigInt(Date.now() + 365 * 86_400_000) * 1000n;
    await appender.accept(transaction(100, [account('A', '1')], { committedAt }));
    await appender.accept(transaction(200, [account('A', '2')], { committedAt: BigInt(Date.now()) * 1000n }));
    await appender.settled();
    const [first, second] = await times();
    expect(Number(first! / 1000n) - Date.now()).toBeLessThanOrEqual(5000);
    expect(second).toBe(first! + 1n);
    expect(suspicious[0]).toBe('100');
  });

  it('stands still for a transaction without changes, whose end is known all the same', async () => {
    const { appender } = await open();
    await appender.accept(snapshotOf(100, []));
    await appender.accept(transaction(200, []));
    await appender.settled();
    const { transactions } = (await loadSnapshot(folder, reading))!;
    const last = (await times()).at(-1);
    expect({ time: transactions.get(appIds.effectiveAt), lsn: transactions.get(appIds.commitLsn) }).toEqual({
      ...{ time: Number(last), lsn: 200 },
    });
    expect(appender.lastPosition).toBe(2);
  });
});

describe('an epoch', () => {
  it('is opened by its snapshot in one commit, whatever its LSN, and what the snapshot holds already is dropped', async () => {
    const { appender } = await open();
    await appender.accept(snapshotOf(1000, [account('A', '1', 'r')], epochOf('0/3E8')));
    await appender.accept(small(1100));
    await appender.settled();
    const second = await open();
    const { table, appender: later } = second;
    const held = holdCommit(table);
    await later.accept(snapshotOf(50, [account('A', '2', 'r')], epochOf('0/32', { system_identifier: '2' })));
    await held.begun;
    for (const lsn of [40, 50, 60]) await later.accept(small(lsn));
    held.letGo();
    await later.settled();
    expect(later.lakePosition).toEqual({ epoch: epochOf('0/32', { system_identifier: '2' }), commitLsn: 60 });
    expect((await rows('position, commit_lsn::INTEGER AS lsn')).map(({ lsn }) => lsn)).toEqual([
      ...[1000, 1000, 1000, 1100],
      ...[50, 50, 50, 60],
    ]);
    expect((await open()).appender.lakePosition).toEqual(later.lakePosition);
    expect(await liveFiles(folder, reading)).toHaveLength(4);
  });

  describe('of a table that is captured no more', () => {
    const covering = (...tables: string[]) => epochOf('0/3E8', { tables });
    const stored = async () => (await open()).appender.lakePosition!.epoch;
    beforeEach(async () => {
      const { appender } = await open();
      await appender.accept(snapshotOf(1000, [], covering('accounts', 'notes')));
      await appender.settled();
    });

    it('covers it no more with the next commit', async () => {
      const { appender } = await open({ capturedTables: ['accounts', 'added'] });
      expect(appender.lakePosition!.epoch).toEqual(covering('accounts'));
      expect(await stored()).toEqual(covering('accounts', 'notes'));
      await appender.accept(small(1100));
      await appender.settled();
      expect(await stored()).toEqual(covering('accounts'));
    });

    it('covers it no more before any progress is kept, which lets the source forget', async () => {
      const covered: unknown[] = [];
      const reached = async () => void covered.push(await stored());
      const { appender } = await open({ capturedTables: ['accounts'], watermark: { ...noWatermark, reached } });
      await appender.progress({ lsn: 1200, sourceTime: 1n });
      expect(covered).toEqual([covering('accounts')]);
      const again = await version();
      await appender.progress({ lsn: 1300, sourceTime: 2n });
      expect(await version()).toBe(again);
    });
  });

  it('is not there while its snapshot is not', async () => {
    const { table, appender } = await open();
    jest.spyOn(table, 'commit').mockRejectedValueOnce(new Error('ENOSPC'));
    await appender.accept(snapshotOf(1000, [account('A', '1', 'r')]));
    await appender.settled();
    expect(appender.lakePosition).toBeNull();
    expect((await open()).appender.lakePosition).toBeNull();
  });
});
