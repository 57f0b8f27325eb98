/**
 * The engine on random histories: appended in any grouping, delivered twice in places, folded at any point, projector and
 * readers restarted in between. The answers of a reader that followed all along, and of one that starts at the end, are
 * those of a plain replay, for all versions, as of every position, and as of every moment.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { Projection } from '../../apps/projector/src/projection.js';
import type { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import { answers, expectedAnswers, withReader } from './answers.js';
import { catalog, delivery, historyOf, randomOf, type HistoryTransaction } from './history.js';
import { replay } from './oracle.js';

const runs = Number(process.env.RUNS ?? 100);
const firstSeed = Number(process.env.SEED ?? 1);

const epoch = {
  system_identifier: '1',
  timeline: 1,
  database: 'histories',
  adapter: 'postgres',
  identity: 'test',
} as const;

const fail = (error: Error) => {
  throw error;
};
const ignore = () => {};

async function project(
  duckdb: DuckDBInstance,
  lake: string,
  history: readonly HistoryTransaction[],
  random: () => number,
) {
  const open = () =>
    Projection.open(
      duckdb,
      {
        ...{ lake, catalog, spoolFolder: lake, foldAge: 60_000 },
        ...{ foldChanges: 1 + Math.floor(random() * 40), rowsPerOpenFile: 1 + Math.floor(random() * 4) },
      },
      { appended: ignore, folded: ignore, foldFailed: fail, upkeepFailed: fail, suspiciousClock: ignore, failed: fail },
    );
  let projection = await open();
  const opening = { txId: '1', commitLsn: 1, committedAt: 1n, changes: [] };
  if (!projection.appender.lakePosition) {
    const snapshot = delivery(opening, random);
    await projection.accept({ ...snapshot, header: { txId: '1', opens: { ...epoch, consistent_point: '0/1' } } });
  }
  for (let next = 0; next < history.length; next++) {
    await projection.accept(delivery(history[next]!, random));
    if (random() < 0.3) await projection.appender.settled();
    if (random() > 0.1) continue;
    await projection.close();
    projection = await open();
    next = Math.max(-1, next - Math.floor(random() * 3)); // whatever was not acknowledged comes again
  }
  await projection.close();
}

describe('the engine on random histories', () => {
  let [folder, duckdb] = ['', null as unknown as DuckDBInstance];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'migsbyu-histories-'));
    duckdb = await openDuckDb({ threads: 1 });
  });
  afterAll(async () => {
    duckdb.closeSync();
    await rm(folder, { recursive: true });
  });

  it(`answers as a plain replay does, on ${runs} histories`, async () => {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const random = randomOf(seed);
      const lake = join(folder, String(seed));
      const history = historyOf(random, 2 + Math.floor(random() * 14));
      const truth = replay(catalog.tables, history);
      const half = Math.floor(history.length / 2);
      const last = truth.ends.at(-1)!.position;
      const check = async (reader: LakeReader, who: string, moments: number) => {
        expect(await reader.waitForPosition(last, 10_000)).toBe(true);
        const asked = { ...truth, ends: truth.ends.filter((_, i) => i % 2 === moments) };
        for (const table of catalog.tables) {
          const found = { seed, who, table: table.table, ...(await answers(reader, asked.ends, table)) };
          expect(found).toEqual({ seed, who, table: table.table, ...expectedAnswers(asked, table, last) });
        }
      };
      await project(duckdb, lake, history.slice(0, half), random);
      await withReader({ lake, catalog }, async (follower) => {
        await project(duckdb, lake, history.slice(half), random);
        await check(follower, 'a reader that followed', 0);
      });
      await withReader({ lake, catalog }, (reader) => check(reader, 'a reader that starts', 1));
      await rm(lake, { recursive: true });
    }
  }, 600_000);
});
