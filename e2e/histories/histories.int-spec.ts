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
import type { Table } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { Projection } from '../../apps/projector/src/projection.js';
import { Follower } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { SqlValue } from '../../apps/query-api/src/follower/reader.js';
import { catalog, delivery, historyOf, randomOf, type HistoryTransaction } from './history.js';
import { replay, type Replay } from './oracle.js';

const runs = Number(process.env.RUNS ?? 200);
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
      { lake, catalog, spoolFolder: lake, foldChanges: 1 + Math.floor(random() * 40), foldAge: 60_000 },
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

async function withReader<T>(lake: string, work: (reader: LakeReader) => Promise<T>): Promise<T> {
  const follower = new Follower({ lake, catalog, failed: ignore });
  follower.start();
  try {
    return await work(new LakeReader(follower, catalog.tables));
  } finally {
    await follower.stop();
  }
}

const text = (value: SqlValue) => (value === null ? null : String(value));

async function answers(reader: LakeReader, { ends }: Replay, table: Table) {
  return reader.read(async (session) => {
    const columns = [
      `${table.name}_key`,
      ...table.columns.map(({ name }) => name),
      'valid_from',
      'opened_tx',
      'actor',
      'command',
    ];
    const list = columns.map((name) => `"${name}"`).join(', ');
    const rowsOf = async (relation: string, more = '') => {
      const rows = await session.rows(`SELECT ${list}${more} FROM ${relation} ORDER BY 1`);
      return rows.map((row) => Object.values(row).map(text));
    };
    const asOf = [];
    for (const { position, effectiveAt } of ends) {
      const byTime = await session.cutAtTime(effectiveAt);
      const inside = await session.cutAtPosition(position);
      asOf.push({
        position,
        byTime: byTime?.position,
        inside: inside?.position,
        rows: await rowsOf(session.asOf(table, position)),
      });
    }
    const all = await rowsOf(session.versions(table), ', valid_to, closed_tx, is_current');
    return { all, current: await rowsOf(session.current(table)), asOf };
  });
}

function expected({ versions, ends }: Replay, table: Table) {
  const own = versions.get(table.table)!.toSorted((a, b) => a.position - b.position);
  const row = (version: (typeof own)[number]) => {
    const { position, valid_from, opened_tx, actor, command } = version;
    const columns = table.columns.map(({ name }) => version.row[name] ?? null);
    return [String(position), ...columns, String(valid_from), String(opened_tx), actor, command];
  };
  const at = (position: number) =>
    own
      .filter(({ opened_tx, closed_tx }) => opened_tx <= position && (closed_tx === null || closed_tx > position))
      .map(row);
  return {
    all: own.map((version) => [
      ...row(version),
      text(version.valid_to),
      text(version.closed_tx),
      String(version.closed_tx === null),
    ]),
    current: own.filter(({ closed_tx }) => closed_tx === null).map(row),
    asOf: ends.map(({ position }) => ({ position, byTime: position, inside: position, rows: at(position) })),
  };
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
      const check = async (reader: LakeReader, who: string, moments: number) => {
        expect(await reader.waitForPosition(truth.ends.at(-1)!.position, 10_000)).toBe(true);
        const asked = { ...truth, ends: truth.ends.filter((_, i) => i % 2 === moments) };
        for (const table of catalog.tables) {
          const found = { seed, who, table: table.table, ...(await answers(reader, asked, table)) };
          expect(found).toEqual({ seed, who, table: table.table, ...expected(asked, table) });
        }
      };
      await project(duckdb, lake, history.slice(0, half), random);
      await withReader(lake, async (follower) => {
        await project(duckdb, lake, history.slice(half), random);
        await check(follower, 'a reader that followed', 0);
      });
      await withReader(lake, (reader) => check(reader, 'a reader that starts', 1));
      await rm(lake, { recursive: true });
    }
  }, 600_000);
});
