/**
 * Many readers at once while transactions, refreshes and folds go on. Each transaction moves money between two accounts,
 * so that whoever sees half of one, or two cuts in one session, sees another sum.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { account, ledger, snapshotOf, temporaryFolder, transaction, truncated } from '#libs/test-lake';
import type { ReadSession } from '../../apps/query-api/src/follower/reader.js';
import { balances, follow, ProjectedLake, type Following } from './projected-lake.js';

const root = temporaryFolder('readers');
const [accounts, notes] = ledger.tables;
const transactions = Number(process.env.TRANSACTIONS ?? 40);
const total = 1_000_000;

let duckdb: DuckDBInstance;
let following: Following;
let lake: ProjectedLake;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  lake = new ProjectedLake(join(root, 'lake'), duckdb);
  await lake.open(9);
  await lake.append(snapshotOf(1, [account('A', String(total), 'r'), account('B', '0', 'r')]));
  following = follow(lake.folder);
  await following.reader.waitForPosition(4, 5000);
});
afterAll(async () => {
  await following.follower.stop();
  await lake.close();
});

/** One after the other, in files of their own; every tenth begins with a truncate, which closes and opens all. */
async function write(): Promise<void> {
  for (let number = 1; number <= transactions; number++) {
    const moved = [account('A', String(total - number)), account('B', String(number))];
    const note = { table: 'notes', op: 'u' as const, key: '["N"]', after: { id: 'N', body: String(number) } };
    const changes = number % 10 === 0 ? [truncated('accounts'), ...moved, note] : [...moved, note];
    await lake.append(transaction(number + 1, changes));
  }
}

/** What cannot be in one transaction-consistent state; null if all is well. */
async function contradiction(session: ReadSession, random: () => number): Promise<unknown> {
  const byKey = async (id: string) => {
    const rows = await session.rows(`SELECT balance FROM ${session.current(accounts!, [id])} WHERE id = ?`, [id]);
    return rows.map(({ balance }) => balance as number);
  };
  const body = async () => (await session.rows(`SELECT body FROM ${session.current(notes!)}`))[0]?.body ?? '0';
  const first = await balances(session);
  const keys = { A: await byKey('A'), B: await byKey('B') };
  await sleep(random() * 30);
  const asked = await session.cutAtPosition(4 + Math.floor(random() * (session.cut.position - 3)));
  const past = await balances(session, asked!.position);
  const byTime = await session.cutAtTime(asked!.effectiveAt);
  const versions = await session.rows(
    `SELECT id, count(*) AS all, count(*) FILTER (closed_tx IS NULL) AS open, max(opened_tx) AS last
     FROM ${session.versions(accounts!)} GROUP BY id ORDER BY id`,
  );
  const [again, note, keysAgain] = [
    await balances(session),
    await body(),
    { A: await byKey('A'), B: await byKey('B') },
  ];
  const number = first.B!;
  const wanted = {
    first: { A: total - number, B: number },
    again: { A: total - number, B: number },
    keys: { A: [total - number], B: [number] },
    keysAgain: { A: [total - number], B: [number] },
    note: String(number),
    sum: total,
    byTime: asked,
    versions: ['A', 'B'].map((id) => [id, number + 1, 1]),
    ahead: false,
  };
  const found = {
    ...{ first, again, keys, keysAgain, note, sum: past.A! + past.B!, byTime },
    versions: versions.map(({ id, all, open }) => [id, Number(all), Number(open)]),
    ahead: versions.some(({ last }) => Number(last) > session.cut.position),
  };
  return isDeepStrictEqual(found, wanted) ? null : { found, wanted };
}

describe('readers at work', () => {
  it(`see one cut each, over ${transactions} transactions and the folds of them`, async () => {
    let state = 11;
    const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
    const found: unknown[] = [];
    const cuts = new Set<number>();
    let writing = true;
    const read = async () => {
      let last = 0;
      while (writing && found.length === 0) {
        await following.reader.read(async (session) => {
          const problem = await contradiction(session, random);
          if (problem) found.push(problem);
          if (session.cut.position < last) found.push({ cut: session.cut.position, after: last });
          last = session.cut.position;
          cuts.add(last);
        });
      }
    };
    const written = write().finally(() => (writing = false));
    await Promise.all([written, ...Array.from({ length: 6 }, read)]);
    expect(found).toEqual([]);
    expect(following.failures).toEqual([]);
    expect(cuts.size).toBeGreaterThan(transactions / 10);
    expect(lake.projection.folding.folded).toBeGreaterThan(4);
    await following.reader.waitForPosition(lake.projection.appender.lastPosition, 5000);
    expect(await following.reader.read((session) => contradiction(session, random))).toBeNull();
  });
});
