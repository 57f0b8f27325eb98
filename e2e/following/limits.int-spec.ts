/** Readers at what bounds them: changes that nobody folds, memory, time, and files that are gone. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { account, ledger, liveFiles, snapshotOf, temporaryFolder, transaction } from '#libs/test-lake';
import {
  FileMissing,
  MemoryLimitReached,
  QueryTimedOut,
  TailTooLong,
  told,
} from '../../apps/query-api/src/follower/lake-unavailable.js';
import { balances, follow, ProjectedLake, type Following, type FollowingOptions } from './projected-lake.js';

const root = temporaryFolder('limits');
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
beforeEach(async () => {
  lake = new ProjectedLake(join(root, String(++count)), duckdb);
  followings = [];
  await lake.open();
  await lake.append(snapshotOf(100, [account('A', '1', 'r'), account('B', '2', 'r')])); // positions 1 to 4
  await lake.fold();
});
afterEach(async () => {
  for (const { follower } of followings) await follower.stop();
  await lake.close();
});

function reading(options: FollowingOptions = {}): Following {
  const following = follow(lake.folder, options);
  followings.push(following);
  return following;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came about: ${condition}`);
    await sleep(2);
  }
}

const change = (lsn: number, ...balances: string[]) =>
  transaction(
    lsn,
    balances.map((balance, i) => account('AB'[i]!, balance)),
  );
const now = ({ reader }: Following) => reader.read((session) => balances(session));
const shows = async (following: Following, position: number) =>
  expect(await following.reader.waitForPosition(position, 10_000)).toBe(true);

describe('a reader that may take five changes into memory', () => {
  it('stays on its cut beyond them, says so, and goes on when they are folded', async () => {
    const following = reading({ tailChanges: 5 });
    await shows(following, 4);
    await lake.append(change(200, '10', '20'), change(300, '11', '21'));
    await shows(following, 8);
    await lake.append(change(400, '12', '22'));
    await until(() => following.failures.length > 2);
    expect(following.failures[0]).toMatchObject({ code: 'tail-too-long', changes: 6, ceiling: 5, tip: 10 });
    const { position, lagPositions, ready, failure, tailChanges } = following.reader.freshness();
    expect({ position, lagPositions, ready, tailChanges }).toEqual({
      ...{ position: 8, lagPositions: 2, ready: true, tailChanges: 4 },
    });
    expect(failure).toBeInstanceOf(TailTooLong);
    expect(await now(following)).toEqual({ A: 11, B: 21 });
    Object.assign(following.options, { patience: 0 });
    expect(following.reader.freshness().ready).toBe(false);
    expect(told(following.reader.freshness().reason)).toContain('TAIL_CHANGES');
    await lake.fold();
    await shows(following, 10);
    expect(await now(following)).toEqual({ A: 12, B: 22 });
    await until(() => following.reader.freshness().ready);
    expect(following.reader.freshness()).toMatchObject({ failure: null, lagPositions: 0, tailChanges: 0 });
  });

  it('does not start beyond them, says why, and starts when they are folded', async () => {
    await lake.append(change(200, '10', '20'), change(300, '11', '21'), change(400, '12', '22'));
    const following = reading({ tailChanges: 5 });
    await until(() => following.failures.length > 1);
    expect(following.failures[0]).toBeInstanceOf(TailTooLong);
    expect(following.reader.freshness().ready).toBe(false);
    await expect(now(following)).rejects.toThrow('TAIL_CHANGES');
    await lake.fold();
    await shows(following, 10);
    expect(await now(following)).toEqual({ A: 12, B: 22 });
  });

  it('counts no changes of tables that become no versions, where it starts', async () => {
    const event = (id: number) => ({
      ...{ table: 'domain_events', op: 'c' as const, key: `["notes:${id}","1"]` },
      after: { stream_id: `notes:${id}`, version: '1', metadata: '{}' },
    });
    await lake.append(transaction(200, [1, 2, 3, 4, 5, 6].map(event)));
    const following = reading({ tailChanges: 5 });
    await shows(following, 10);
    expect(await now(following)).toEqual({ A: 1, B: 2 });
  });
});

describe('a reader whose memory is full', () => {
  it('keeps its cut, says so, and goes on when it is not', async () => {
    const following = reading({ memoryLimit: '24MB' });
    await shows(following, 4);
    const many = Array.from({ length: 60_000 }, (_, i) => account(`account number ${i}`, String(i), 'c'));
    await lake.append(transaction(200, many));
    await until(() => following.failures.length > 0);
    expect(following.failures[0]).toBeInstanceOf(MemoryLimitReached);
    expect(told(following.failures[0]!)).toContain('MEMORY_LIMIT');
    expect(await now(following)).toEqual({ A: 1, B: 2 });
    expect(following.reader.freshness()).toMatchObject({ position: 4, ready: true });
    await lake.append(transaction(300, [{ table: 'accounts', op: 't', key: null }, account('C', '3', 'c')]));
    await lake.fold();
    await shows(following, 60_006);
    expect(await now(following)).toEqual({ C: 3 });
  });
});

describe('a query', () => {
  const endless = 'SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b WHERE a.range * b.range = -1';

  it('is ended at its deadline, and leaves a connection that works', async () => {
    const following = reading({ timeoutSeconds: 0.3 });
    await shows(following, 4);
    for (let i = 0; i < 2; i++) {
      const asked = Array.from({ length: 4 }, () => following.reader.read((session) => session.rows(endless)));
      for (const { status, reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[]) {
        expect(status).toBe('rejected');
        expect(reason).toBeInstanceOf(QueryTimedOut);
      }
    }
    expect(await Promise.all([1, 2, 3, 4].map(() => now(following)))).toEqual([1, 2, 3, 4].map(() => ({ A: 1, B: 2 })));
    expect(following.failures).toEqual([]);
  });

  it('of several statements begins none after its deadline, nor waits for a connection past it', async () => {
    const following = reading({ timeoutSeconds: 0.2 });
    await shows(following, 4);
    const idle = () =>
      following.reader.read(async (session) => {
        await sleep(300);
        return balances(session);
      });
    const asked = [idle(), idle(), idle(), idle(), now(following)];
    for (const { reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[])
      expect(reason).toBeInstanceOf(QueryTimedOut);
    expect(await now(following)).toEqual({ A: 1, B: 2 });
  });
});

describe('a file that is gone', () => {
  const history = ({ reader }: Following) =>
    reader.read(async (session) => (await session.rows(`FROM ${session.versions(accounts!)}`)).length);

  it('fails the queries that need it, opens the lake anew once, and is well when it is back', async () => {
    await lake.append(change(200, '10', '20'));
    await lake.fold();
    const following = reading();
    await shows(following, 6);
    expect(await history(following)).toBe(4);
    const folder = join(lake.folder, 'accounts_dimension');
    const closed = (await liveFiles(folder, writing)).find(
      ({ partitionValues: { is_current } }) => is_current === 'false',
    )!;
    const path = join(folder, closed.path);
    renameSync(path, `${path}.away`);
    for (let i = 0; i < 3; i++) {
      await expect(history(following)).rejects.toThrow(FileMissing);
      const before = following.failures.length;
      await until(() => following.failures.length > before);
      expect(following.reader.freshness().failure).toBeInstanceOf(FileMissing);
    }
    expect(await now(following)).toEqual({ A: 10, B: 20 });
    Object.assign(following.options, { patience: 0 });
    expect(following.reader.freshness().ready).toBe(false);
    renameSync(`${path}.away`, path);
    await until(() => following.reader.freshness().ready);
    expect(await history(following)).toBe(4);
  });
});
