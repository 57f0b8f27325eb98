/** `verify` on running systems: healthy ones under load are equal, a lake that somebody touched is not, and is told where. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import pg from 'pg';
import { Verification, type VerificationOptions } from '../../apps/projector/src/verification/verification.js';
import { randomOf } from '../histories/history.js';
import { query, RunningProjector, type RunningProjectorOptions } from '../running-projector.js';
import { observatory, observatoryTables, randomTransaction } from './observatory.js';

const folder = temporaryFolder('verification');
let duckdb: DuckDBInstance;
let database: TestDatabase;
let [count, lake] = [0, ''];
let projector: RunningProjector | null = null;

beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
});
afterAll(() => duckdb.closeSync());
beforeEach(async () => {
  lake = join(folder, String(++count));
  database = await emptyDatabase();
  await query(database.url, observatoryTables(database.name));
});
afterEach(async () => {
  await projector?.stop();
  projector = null;
  await database.close();
});

const sql = (text: string) => query(database.url, text);
async function start(options: Partial<RunningProjectorOptions> = {}): Promise<RunningProjector> {
  const { url: databaseUrl, name } = database;
  projector = new RunningProjector({ duckdb, databaseUrl, name, catalog: observatory, lake, ...options });
  await projector.until('streaming');
  return projector;
}

const temporary = () => join(lake, 'temporary');
const never = new AbortController().signal;
const verify = (
  options: Partial<VerificationOptions> = {},
  signal = never,
  progress: (done: number) => void = () => {},
) =>
  new Verification({
    source: { databaseUrl: database.url, publication: database.name },
    ...{ lake, catalog: observatory, temporaryFolder: temporary(), patience: 20_000, ...options },
  }).run(progress, signal);

/** Random transactions on two connections until it is told to stop. */
function writing(seed: number) {
  let stopped = false;
  const write = async (random: () => number) => {
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => {});
    await client.connect();
    while (!stopped) {
      await client.query(randomTransaction(random)).catch(() => client.query('ROLLBACK')); // a value that does not fit
      await sleep(10); // the processor is for what is verified
    }
    await client.end();
  };
  const writers = [write(randomOf(seed)), write(randomOf(seed + 1000))];
  return async () => {
    stopped = true;
    await Promise.all(writers);
  };
}

async function slots(): Promise<string[]> {
  return (await sql(`SELECT slot_name FROM pg_replication_slots WHERE database = current_database()`)).map(
    (slot) => slot['slot_name']!,
  );
}

describe('a healthy system', () => {
  it.each([
    ['that folds all the time', { foldChanges: 1 }],
    ['that folds now and then', { foldChanges: 300 }],
    ['that never folds', {}],
  ])('%s verifies as equal in the midst of writes, again and again', async (_, options) => {
    await start(options);
    const stop = writing(count);
    let rows = 0;
    const positions: number[] = [];
    try {
      for (let round = 0; round < Number(process.env.RUNS ?? 4); round++) {
        const report = await verify();
        expect(report).toMatchObject({ equal: true });
        for (const table of report.tables) {
          expect(table.equal + table.quarantined).toBe(table.rows);
          expect(table.examples.every(({ finding }) => finding === 'quarantined')).toBe(true);
        }
        rows += report.tables.reduce((sum, table) => sum + table.rows, 0);
        positions.push(report.position);
      }
    } finally {
      await stop();
    }
    expect(rows).toBeGreaterThan(20);
    expect(positions).toEqual(positions.toSorted((a, b) => a - b));
    expect(await slots()).toEqual([database.name]);
    expect(await readdir(temporary())).toEqual([]);
    expect(projector!.failures).toEqual([]);
  });
});
