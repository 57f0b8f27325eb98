/**
 * Many readers at once while transactions, refreshes and folds go on. Each transaction moves money between two accounts,
 * so that whoever sees half of one, or two cuts in one session, sees another sum.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { lakeTable } from '#libs/catalog';
import { DeltaTable } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { account, ledger, snapshotOf, temporaryFolder, transaction, truncated } from '#libs/test-lake';
import type { UpkeepSettings } from '../../apps/projector/src/upkeep/lake-upkeep.js';
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
});
afterEach(async () => {
  await following.follower.stop();
  await lake.close();
});

async function begin(name: string, upkeep?: Partial<UpkeepSettings>): Promise<void> {
  lake = new ProjectedLake(join(root, name), duckdb);
  await lake.open();
  await lake.close();
  if (upkeep) await forgetSoon(lake.folder);
  await lake.open(9, upkeep);
  await lake.append(snapshotOf(1, [account('A', String(total), 'r'), account('B', '0', 'r')]));
  following = follow(lake.folder);
  await following.reader.waitForPosition(4, 5000);
}

/** Files are deleted soon after they were replaced, and yet not from under who reads them. */
async function forgetSoon(folder: string): Promise<void> {
  const connection = await duckdb.connect();
  for (const name of ['changelog', 'quarantine', ...ledger.tables.map(lakeTable)]) {
    const table = await DeltaTable.open(join(folder, name), connection);
    const { metadata } = table.snapshot;
    const configuration = { ...metadata.configuration, 'delta.deletedFileRetentionDuration': 'interval 5 seconds' };
    await table.commit([{ metaData: { ...metadata, configuration } }]);
  }
  connection.closeSync();
}

/** Merges and cleans whenever it can. */
const eager: Partial<UpkeepSettings> = {
  look: 1,
  cadence: { commits: 5, checkpoints: 50, merges: 20, cleanings: 20, pause: 1 },
  changelog: { files: 3, fileSize: 1 << 20 },
  periods: { files: 2, rows: 1000 },
};

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

async function expectOneCutEach(): Promise<void> {
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
}

/** What upkeep did to a table, by its log and its folder. */
function upkeepOf(name: string): { merges: number; deleted: number } {
  const folder = join(lake.folder, name);
  const log = join(folder, '_delta_log');
  const entries = readdirSync(log).filter((file) => file.endsWith('.json'));
  const text = entries.map((file) => readFileSync(join(log, file), 'utf8')).join('');
  const added = [...text.matchAll(/"add":\{"path":"([^"]+)"/g)].map(([, path]) => path!);
  return {
    merges: text.split('"operation":"OPTIMIZE"').length - 1,
    deleted: added.filter((path) => !existsSync(join(folder, path))).length,
  };
}

/** One that begins now sees the same. */
async function beginAnother(): Promise<void> {
  const newcomer = follow(lake.folder);
  try {
    await newcomer.reader.waitForPosition(lake.projection.appender.lastPosition, 5000);
    expect(await newcomer.reader.read((session) => contradiction(session, () => 0.5))).toBeNull();
    expect(newcomer.failures).toEqual([]);
  } finally {
    await newcomer.follower.stop();
  }
}

describe('readers at work', () => {
  it(`see one cut each, over ${transactions} transactions and the folds of them`, async () => {
    await begin('lake');
    await expectOneCutEach();
  });

  it('see no difference while files are merged and deleted, nor does one that begins then', async () => {
    await begin('merged', eager);
    await expectOneCutEach();
    const kept = ['changelog', 'accounts_dimension'].map((name) => () => upkeepOf(name));
    while (kept.some((of) => of().merges === 0 || of().deleted === 0)) await sleep(20);
    expect(await following.reader.read((session) => contradiction(session, () => 0.5))).toBeNull();
    await beginAnother();
  });

  it('see no difference while tables are rebuilt beside themselves and swapped', async () => {
    await begin('rebuilt', eager);
    const rebuild = async (table: string) => {
      const { signal } = new AbortController();
      const { differences } = await lake.projection.rebuilds.rebuild(table, () => {}, signal);
      expect(differences).toMatchObject({ only_old: 0, only_new: 0, changed: 0 });
    };
    const rebuilding = async () => {
      for (const table of ['accounts', 'notes', 'accounts']) await rebuild(table);
    };
    await Promise.all([expectOneCutEach(), rebuilding()]);
    await rebuild('notes');
    await lake.append(transaction(1e6, [account('C', null)]));
    await following.reader.waitForPosition(lake.projection.appender.lastPosition, 5000);
    expect(await following.reader.read((session) => contradiction(session, () => 0.5))).toBeNull();
    await beginAnother();
  });
});
