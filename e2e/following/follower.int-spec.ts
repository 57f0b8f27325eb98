/** Readers of a lake while it is written, folded, cleaned up, broken and mended. */
import { readdirSync, renameSync, rmSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { checkpoint, cleanLog, DeltaTable, LogMovedOn } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { account, epochOf, ledger, snapshotOf, temporaryFolder, transaction } from '#libs/test-lake';
import { FollowedLake } from '../../apps/query-api/src/follower/followed-lake.js';
import type { FollowerOptions } from '../../apps/query-api/src/follower/follower.js';
import { LakeUnavailable } from '../../apps/query-api/src/follower/lake-unavailable.js';
import { balances, follow, ProjectedLake, type Following } from './projected-lake.js';

const root = temporaryFolder('following');
const [accounts] = ledger.tables;
let duckdb: DuckDBInstance;
let writing: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  writing = await duckdb.connect();
});

let count = 0;
let lake: ProjectedLake;
let followings: Following[];
beforeEach(() => {
  lake = new ProjectedLake(join(root, String(++count)), duckdb);
  followings = [];
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const { follower } of followings) await follower.stop();
  await lake.close();
});

function reading(options: Partial<FollowerOptions> = {}): Following {
  const following = follow(lake.folder, options);
  followings.push(following);
  return following;
}

/** What never comes about fails, and says what it was. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came about: ${condition}`);
    await sleep(2);
  }
}

const snapshot = () => snapshotOf(100, [account('A', '1', 'r'), account('B', '2', 'r')]); // positions 1 to 4
const change = (lsn: number, balance: string) => transaction(lsn, [account('A', balance)]);
const now = ({ reader }: Following) => reader.read((session) => balances(session));
const at = ({ reader }: Following, position: number) => reader.read((session) => balances(session, position));
const shows = ({ reader }: Following, position: number) => reader.waitForPosition(position, 5000);
const versionsOf = ({ reader }: Following) =>
  reader.read(async (session) => {
    const rows = await session.rows(
      `SELECT account_key, balance, opened_tx, closed_tx FROM ${session.versions(accounts!)} ORDER BY 1`,
    );
    return rows.map((row) => Object.values(row).map((value) => (value === null ? null : Number(value))));
  });

/** The reader looks no more until it is called back. */
function sendAway(): () => void {
  const looking = jest
    .spyOn(FollowedLake.prototype, 'catchUp')
    .mockResolvedValue({ moved: false, added: [], rearranged: false, replaced: false });
  return () => looking.mockRestore();
}

/** Checkpoints every table and takes all of the log before that, as a day of upkeep would. */
async function cleanUp(): Promise<void> {
  for (const name of readdirSync(lake.folder).filter((one) => !one.startsWith('_') && one !== 'spool')) {
    const { folder, snapshot: state } = await DeltaTable.open(join(lake.folder, name), writing);
    await checkpoint(folder, state, writing);
    await cleanLog(folder, state, { now: Date.now() + 1000, retention: 0 });
  }
}

describe('a reader', () => {
  it('waits for a lake, and holds nothing for each time that there was none', async () => {
    const opened = jest.spyOn(DuckDBInstance, 'create');
    const closed = jest.spyOn(DuckDBInstance.prototype, 'closeSync');
    const following = reading();
    await until(() => following.failures.length >= 3);
    await expect(now(following)).rejects.toThrow(LakeUnavailable);
    expect(following.reader.freshness()).toMatchObject({ ready: false, position: 0, lagPositions: null });
    expect(opened.mock.calls.length - closed.mock.calls.length).toBeLessThanOrEqual(1);
    await lake.open();
    await lake.append(snapshot());
    expect(await shows(following, 4)).toBe(true);
    expect(await now(following)).toEqual({ A: 1, B: 2 });
    await following.follower.stop();
    expect(opened.mock.calls.length - closed.mock.calls.length).toBe(0);
    await expect(now(following)).rejects.toThrow(LakeUnavailable);
  });

  it('takes changes and a fold of them in one step', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await shows(following, 4);
    const callBack = sendAway();
    await lake.append(change(200, '10'), change(300, '20'));
    await lake.fold();
    await lake.append(change(400, '30'));
    callBack();
    await shows(following, 7);
    expect(await now(following)).toEqual({ A: 30, B: 2 });
    expect(await Promise.all([4, 5, 6, 7].map((position) => at(following, position)))).toEqual(
      [1, 10, 20, 30].map((A) => ({ A, B: 2 })),
    );
    expect(await versionsOf(following)).toEqual(await versionsOf(await fresh(7)));
  });

  async function fresh(position: number): Promise<Following> {
    const following = reading();
    expect(await shows(following, position)).toBe(true);
    return following;
  }

  it('answers right between the two commits of a fold that was killed, and after the next one', async () => {
    await lake.open();
    await lake.append(snapshot());
    await lake.fold();
    const following = await fresh(4);
    await lake.append(transaction(200, [account('A', '1.5')]), transaction(300, [account('A', '3')]));
    const crash = killVersionCommits();
    lake.projection.folding.appended({ tip: { position: 6 }, snapshot: true });
    await until(() => crash.killed > 0);
    await lake.close();
    crash.mend();
    const truth = [
      [3, 1, 1, 5],
      [4, 2, 1, null],
      [6, 3, 6, null],
    ];
    const quarantined = (of: Following) =>
      of.reader.read((session) =>
        Promise.all([4, 5, 6].map((position) => session.quarantined(accounts!, ['A'], position))),
      );
    for (const one of [following, await fresh(6)]) {
      expect(await versionsOf(one)).toEqual(truth);
      expect(await quarantined(one)).toEqual([false, true, false]);
    }
    await lake.open();
    await lake.fold();
    for (const one of [following, await fresh(6)]) {
      await until(() => one.reader.freshness().folds[0]!.position === 6);
      expect(await versionsOf(one)).toEqual(truth);
      expect(await quarantined(one)).toEqual([false, true, false]);
    }
  });

  /** Folds die after their quarantine is committed, before their versions are. */
  function killVersionCommits() {
    const crash = { killed: 0, mend: () => spy.mockRestore() };
    const { commit } = DeltaTable.prototype;
    const spy = jest.spyOn(DeltaTable.prototype, 'commit').mockImplementation(function (this: DeltaTable, ...args) {
      if (args[1] !== 'FOLD') return commit.apply(this, args);
      crash.killed++;
      return Promise.reject(new Error('killed'));
    });
    return crash;
  }
});

describe('a reader of a log that moved on', () => {
  it('loads the lake anew, and answers right', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await shows(following, 4);
    const callBack = sendAway();
    await lake.append(change(200, '10'), change(300, '20'));
    await lake.fold();
    await lake.append(change(400, '30'));
    await cleanUp();
    callBack();
    await shows(following, 7);
    expect(following.failures).toEqual([expect.any(LogMovedOn)]);
    expect(await now(following)).toEqual({ A: 30, B: 2 });
    expect(await at(following, 5)).toEqual({ A: 10, B: 2 });
  });

  it('keeps its cut while it cannot, is unfit when that lasts, and fit when it is over', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await shows(following, 4);
    const callBack = sendAway();
    await lake.append(change(200, '10'), change(300, '20'));
    await cleanUp();
    const opening = jest.spyOn(FollowedLake, 'open').mockRejectedValue(new Error('the disk is gone'));
    callBack();
    await until(() => following.failures.length > 2);
    expect(following.reader.freshness()).toMatchObject({ ready: true, position: 4, lagPositions: null });
    expect(await now(following)).toEqual({ A: 1, B: 2 });
    Object.assign(following.options, { patience: 0 });
    expect(following.reader.freshness()).toMatchObject({ ready: false, reason: new Error('the disk is gone') });
    expect(await now(following)).toEqual({ A: 1, B: 2 });
    opening.mockRestore();
    expect(await shows(following, 6)).toBe(true);
    await until(() => following.reader.freshness().lagPositions !== null);
    expect(following.reader.freshness()).toMatchObject({ ready: true, position: 6, lagPositions: 0, reason: null });
  });

  it('lets what is being read from the old cut end, and then lets it go', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await shows(following, 4);
    const [opened, closed] = [jest.spyOn(DuckDBInstance, 'create'), jest.spyOn(DuckDBInstance.prototype, 'closeSync')];
    const mayGoOn = Promise.withResolvers<void>();
    const long = following.reader.read(async (session) => {
      const before = await balances(session);
      await mayGoOn.promise;
      return [before, await balances(session)];
    });
    const callBack = sendAway();
    await lake.append(change(200, '10'), change(300, '20'));
    await cleanUp();
    callBack();
    await shows(following, 6);
    expect(await now(following)).toEqual({ A: 20, B: 2 });
    expect([opened.mock.calls.length, closed.mock.calls.length]).toEqual([1, 0]);
    mayGoOn.resolve();
    expect(await long).toEqual([
      { A: 1, B: 2 },
      { A: 1, B: 2 },
    ]);
    await until(() => closed.mock.calls.length === 1);
  });
});

describe('a reader whose refresh fails', () => {
  it('shows nothing of it, and recovers', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await lake.fold();
    await until(() => following.reader.freshness().folds.every(({ position }) => position === 4));
    // after everything of the step but the commit
    const { run } = DuckDBConnection.prototype;
    const failing = jest.spyOn(DuckDBConnection.prototype, 'run').mockImplementation(function (
      this: DuckDBConnection,
      ...args
    ) {
      return args[0].startsWith('UPDATE cut') ? Promise.reject(new Error('out of memory')) : run.apply(this, args);
    });
    const callBack = sendAway();
    await lake.append(change(200, '10'), transaction(300, [account('C', '3', 'c')]));
    await lake.fold();
    callBack();
    await until(() => following.failures.length > 2);
    expect(await now(following)).toEqual({ A: 1, B: 2 });
    expect(await at(following, 6)).toEqual({ A: 1, B: 2 });
    expect(await versionsOf(following)).toEqual([
      [3, 1, 1, null],
      [4, 2, 1, null],
    ]);
    failing.mockRestore();
    expect(await shows(following, 6)).toBe(true);
    expect(await now(following)).toEqual({ A: 10, B: 2, C: 3 });
  });

  it('is unfit in the end although each opening of the lake succeeds', async () => {
    await lake.open();
    await lake.append(snapshot());
    const { catchUp } = FollowedLake.prototype;
    const failing = jest.spyOn(FollowedLake.prototype, 'catchUp').mockRejectedValue(new Error('the disk is ill'));
    const { following, failed } = impatient();
    await until(() => failed.length >= 3);
    expect(failed[2]!.unfit).toBe('the disk is ill');
    failing.mockImplementation(function (this: FollowedLake) {
      return catchUp.call(this);
    });
    await until(() => following.reader.freshness().ready);
  });

  /** A reader as patient as not to bear what has failed since the first time. */
  function impatient() {
    const failed: { at: number; unfit: string | null }[] = [];
    const following: Following = reading({
      failed: () => {
        const at = performance.now();
        Object.assign(following.options, { patience: at - (failed[0]?.at ?? 0) - 1 });
        failed.push({ at, unfit: following.follower.unfit?.message ?? null });
      },
    });
    return { following, failed };
  }

  it('is unfit in the end for want of a watermark, and does not open the lake again for that', async () => {
    await lake.open();
    await lake.append(snapshot());
    mkdirSync(join(lake.folder, '_watermark.json')); // what no reader can read
    const opening = jest.spyOn(FollowedLake, 'open');
    const { following, failed } = impatient();
    await until(() => failed.length >= 3);
    expect(failed[2]!.unfit).toContain('EISDIR');
    expect(following.reader.freshness().position).toBe(4);
    rmSync(join(lake.folder, '_watermark.json'), { recursive: true });
    await until(() => following.reader.freshness().ready);
    expect(opening).toHaveBeenCalledTimes(1);
  });
});

describe('a session', () => {
  it('that fails leaves the connections as they were', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await shows(following, 4);
    for (let i = 0; i < 6; i++) {
      const failing = following.reader.read((session) => session.rows('SELECT 1/0, * FROM nowhere'));
      await expect(failing).rejects.toThrow('nowhere');
      const thrown = following.reader.read(() => Promise.reject(new Error('of its own')));
      await expect(thrown).rejects.toThrow('of its own');
    }
    expect(await Promise.all(Array.from({ length: 6 }, () => now(following)))).toEqual(
      Array.from({ length: 6 }, () => ({ A: 1, B: 2 })),
    );
  });

  it('that failed because its transaction was broken tells its own error', async () => {
    await lake.open();
    await lake.append(snapshot());
    const following = reading();
    await shows(following, 4);
    const ended = following.reader.read(async (session) => {
      await session.rows('ROLLBACK');
      throw new Error('of its own');
    });
    await expect(ended).rejects.toThrow('of its own');
    expect(await now(following)).toEqual({ A: 1, B: 2 });
  });

  it('asked for a moment inside a transaction shows the one before, also over several epochs', async () => {
    await lake.open();
    await lake.append(snapshot(), transaction(200, [account('A', '5'), account('A', '6'), account('B', '7')]));
    await lake.append(snapshotOf(50, [account('A', '6', 'r')], epochOf('0/32')));
    const following = reading();
    await shows(following, 10);
    const moments = await following.reader.read(async (session) => {
      const found = [];
      for (let position = 0; position <= 11; position++) found.push((await session.cutAtPosition(position))?.position);
      return found;
    });
    const none = undefined;
    expect(moments).toEqual([none, none, none, none, 4, 4, 4, 7, 7, 7, 10, 10]);
    expect(await at(following, 7)).toEqual({ A: 6, B: 7 });
    expect(await now(following)).toEqual({ A: 6 });
    expect((await versionsOf(following)).filter(([, , , closed]) => closed === null)).toEqual([[6, 6, 5, null]]);
  });
});

describe('freshness', () => {
  const timeNow = () => BigInt(Date.now()) * 1000n;

  it('gives the age of the oldest change that is not folded, and 0 where all are', async () => {
    await lake.open();
    await lake.append(snapshot());
    await lake.fold();
    const following = reading();
    await shows(following, 4);
    const folds = () => following.reader.freshness().folds;
    expect(folds()).toEqual([
      { table: 'accounts', position: 4, ageSeconds: 0, drift: null },
      { table: 'notes', position: 4, ageSeconds: 0, drift: null },
    ]);
    const since = timeNow() - 100_000_000n;
    await lake.append(transaction(200, [account('A', '5')], { committedAt: since }));
    await lake.append(transaction(300, [account('A', '6')], { committedAt: since + 50_000_000n }));
    await shows(following, 6);
    for (const { position, ageSeconds } of folds()) {
      expect(position).toBe(4);
      expect(ageSeconds).toBeGreaterThanOrEqual(100);
      expect(ageSeconds).toBeLessThan(120);
    }
    await lake.fold();
    await until(() => folds().every(({ position }) => position === 6));
    expect(folds().map(({ ageSeconds }) => ageSeconds)).toEqual([0, 0]);
  });

  it('counts what the lake has and the answers do not show', async () => {
    await lake.open();
    await lake.append(snapshot());
    await lake.projection.progress({ lsn: 150, sourceTime: timeNow() });
    const following = reading();
    await until(() => following.reader.freshness().watermark !== null);
    expect(following.reader.freshness()).toMatchObject({ position: 4, lagPositions: 0 });
    const callBack = sendAway();
    await lake.append(change(200, '5'), change(300, '6'));
    await lake.projection.progress({ lsn: 350, sourceTime: timeNow() });
    await until(() => following.reader.freshness().lagPositions === 2);
    expect(following.reader.freshness()).toMatchObject({ position: 4, watermark: { lsn: 150 } });
    callBack();
    await until(() => following.reader.freshness().watermark?.lsn === 350);
    expect(following.reader.freshness()).toMatchObject({ position: 6, lagPositions: 0 });
    renameSync(lake.folder, `${lake.folder}.away`);
    await until(() => following.failures.length > 0);
    expect(following.reader.freshness()).toMatchObject({ position: 6, lagPositions: null, ready: true });
    renameSync(`${lake.folder}.away`, lake.folder);
    await until(() => following.reader.freshness().lagPositions === 0);
  });
});
