/** `verify` on running systems: healthy ones under load are equal, a lake that somebody touched is not, and is told where. */
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { ChangeEvent, Transaction } from '#libs/change-event';
import { openDuckDb } from '#libs/lake';
import { liveFiles, temporaryFolder } from '#libs/test-lake';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import pg from 'pg';
import { Verification, type VerificationOptions } from '../../apps/projector/src/verification/verification.js';
import { randomOf } from '../histories/history.js';
import { eventually, query, RunningProjector, type RunningProjectorOptions } from '../running-projector.js';
import { observatory, observatoryTables, randomTransaction } from './observatory.js';

const folder = temporaryFolder('verification');
let duckdb: DuckDBInstance;
let editing: DuckDBConnection;
let database: TestDatabase;
let [count, lake] = [0, ''];
let projector: RunningProjector | null = null;

beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  editing = await duckdb.connect();
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

/** Rebuilds the tables, one after the other, until it is told to stop. */
function rebuilding() {
  const stopping = new AbortController();
  const { rebuilds } = projector!.projector.running!;
  const rebuild = async () => {
    let count = 0;
    for (; !stopping.signal.aborted; count++) {
      await sleep(50); // as for the writers
      await rebuilds
        .rebuild(count % 2 === 0 ? 'notes' : 'readings', () => {}, stopping.signal)
        .catch((error: Error) => (stopping.signal.aborted ? undefined : Promise.reject(error)));
    }
    return count;
  };
  const rebuilt = rebuild();
  return async () => {
    stopping.abort();
    expect(await rebuilt).toBeGreaterThan(1);
  };
}

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
    ['that is rebuilt all the time', { foldChanges: 100 }, rebuilding],
  ])(
    '%s verifies as equal in the midst of writes, again and again',
    async (_, options, upheaval = () => async () => {}) => {
      await start(options);
      const seed = Number(process.env.SEED ?? count);
      const [stop, calm] = [writing(seed), upheaval()];
      let rows = 0;
      const positions: number[] = [];
      try {
        for (let round = 0; round < Number(process.env.RUNS ?? 2); round++) {
          const report = await verify();
          expect({ seed, ...report }).toMatchObject({ seed, equal: true });
          for (const table of report.tables) {
            expect(table.equal + table.quarantined).toBe(table.rows);
            expect(table.examples.every(({ finding }) => finding === 'quarantined')).toBe(true);
          }
          rows += report.tables.reduce((sum, table) => sum + table.rows, 0);
          positions.push(report.position);
        }
      } finally {
        await stop();
        await calm();
      }
      expect(rows).toBeGreaterThan(20);
      expect(positions).toEqual(positions.toSorted((a, b) => a - b));
      expect(await slots()).toEqual([database.name]);
      expect(await readdir(temporary())).toEqual([]);
      expect(projector!.failures).toEqual([]);
    },
    120_000,
  );
});

/** Rows that say what everything is: all columns but those named are NULL. */
const rowsOfStars = `INSERT INTO stars (id, of_0, of_3, of_8) VALUES
  ('A', 'Zoë "secret"', 1, 1.5), ('B', 'secret', 2, 0), ('C', NULL, NULL, NULL), ('D/1', '', 4, 4), ('E', 'x', 5, 5)`;

/** What is found in the stars, where nothing is in the other tables. */
async function findings() {
  const report = await verify();
  expect(JSON.stringify(report)).not.toContain('secret');
  const [stars, ...others] = report.tables;
  for (const table of others) expect(table).toMatchObject({ rows: table.equal, missing: 0, extra: 0, different: 0 });
  const { rows, equal, missing, extra, different, quarantined, examples } = stars!;
  expect(equal + missing + different + quarantined).toBe(rows);
  return { equal: report.equal, counts: { missing, extra, different, quarantined }, examples };
}
const none = { missing: 0, extra: 0, different: 0, quarantined: 0 };
const example = (finding: string, key: string, ...columns: string[]) => ({ finding, key: [key], columns });

describe('a lake whose open file', () => {
  const editOpenFile = async (select: string) => {
    const table = join(lake, 'stars_dimension');
    const open = (await liveFiles(table, editing)).filter(
      ({ partitionValues }) => partitionValues['is_current'] === 'true',
    );
    expect(open).toHaveLength(1);
    const path = join(table, open[0]!.path);
    await editing.run(`COPY (WITH file AS (FROM read_parquet('${path}', hive_partitioning = false)) ${select})
      TO '${path}.edited' (FORMAT parquet)`);
    await rename(`${path}.edited`, path);
  };

  it.each([
    ['is as it was', 'FROM file', none, []],
    [
      'has another value',
      `SELECT * REPLACE (CASE id WHEN 'B' THEN 3 ELSE of_3 END AS of_3) FROM file`,
      { ...none, different: 1 },
      [example('different', 'B', 'of_3')],
    ],
    [
      'has a digit behind the point that the source has not, and NULL for a text',
      `SELECT * REPLACE (CASE id WHEN 'A' THEN 1.5001 ELSE of_8 END AS of_8, NULLIF(of_0, '') AS of_0) FROM file`,
      { ...none, different: 2 },
      [example('different', 'A', 'of_8'), example('different', 'D/1', 'of_0')],
    ],
    [
      'has a value for NULL',
      `SELECT * REPLACE (coalesce(of_3, 0) AS of_3) FROM file`,
      { ...none, different: 1 },
      [example('different', 'C', 'of_3')],
    ],
    ['lost a row', `FROM file WHERE id <> 'C'`, { ...none, missing: 1 }, [example('missing', 'C')]],
    [
      'has a row twice',
      `FROM file UNION ALL FROM file WHERE id = 'D/1'`,
      { ...none, extra: 1 },
      [example('extra', 'D/1')],
    ],
    [
      'has a row of its own, and lost another one',
      `SELECT * REPLACE (CASE id WHEN 'E' THEN 'F' ELSE id END AS id) FROM file`,
      { ...none, missing: 1, extra: 1 },
      [example('extra', 'F'), example('missing', 'E')],
    ],
    [
      'has the values of two rows changed over',
      `SELECT * REPLACE (CASE id WHEN 'A' THEN 'B' WHEN 'B' THEN 'A' ELSE id END AS id) FROM file`,
      { ...none, different: 2 },
      [example('different', 'A', 'of_0', 'of_3', 'of_8'), example('different', 'B', 'of_0', 'of_3', 'of_8')],
    ],
  ])('%s', async (_, select, counts, examples) => {
    await (await start()).caughtUp();
    await sql(rowsOfStars);
    await projector!.caughtUp();
    await editOpenFile(select);
    expect(await findings()).toEqual({ equal: examples.length === 0, counts, examples });
  });
});

describe('a lake that never got', () => {
  /** Hands on every change but one. */
  const without = (lost: (change: ChangeEvent) => boolean) => (transaction: Transaction) => {
    const changes = async function* () {
      for await (const chunk of transaction.changes) {
        const kept = chunk.filter((change) => transaction.header.opens || !lost(change));
        yield kept.map((change, ordinal) => ({ ...change, ordinal }));
      }
    };
    return { header: transaction.header, changes: changes(), end: transaction.end };
  };

  it.each([
    ['an insert', 'c', '["E"]', { ...none, missing: 1 }, example('missing', 'E')],
    ['an update', 'u', '["B"]', { ...none, different: 1 }, example('different', 'B', 'of_3')],
    ['a delete', 'd', '["C"]', { ...none, extra: 1 }, example('extra', 'C')],
  ])('%s, folded or not', async (_, op, key, counts, found) => {
    await start({ deliver: without((change) => change.op === op && change.key === key) });
    await sql(rowsOfStars);
    await sql(`UPDATE stars SET of_3 = 9 WHERE id = 'B'; DELETE FROM stars WHERE id = 'C'`);
    expect(await findings()).toEqual({ equal: false, counts, examples: [found] });
    await projector!.caughtUp();
    expect(await findings()).toEqual({ equal: false, counts, examples: [found] });
  });
});

describe('values that do not type', () => {
  it('are counted apart, until the lake says of one that it is another', async () => {
    await start();
    await sql(`INSERT INTO readings (taken_on, level, nth, of_5, of_7) VALUES ('2026-01-01', 1.5, 1, 'infinity', NULL),
      ('2026-01-01', 1.5, 2, NULL, 'NaN'), ('0044-03-15 BC', 0, 3, NULL, NULL), ('2026-01-01', 'NaN', 4, NULL, 1)`);
    await sql(`INSERT INTO notes (id, of_2, of_7) VALUES ('1', '007', '3.9'), ('x', '1', '1'), ('2', '1.5', '3.456')`);
    const [, readings, , notes] = (await verify()).tables;
    expect(readings).toMatchObject({ rows: 4, equal: 0, missing: 0, extra: 0, different: 0, quarantined: 4 });
    expect(readings!.examples.map(({ key }) => key)).toContainEqual(['0044-03-15 BC', '0.00', '3']);
    expect(notes).toMatchObject({ rows: 3, equal: 1, missing: 0, extra: 0, different: 0, quarantined: 2 });
    await projector!.caughtUp();
    expect((await verify()).tables[1]).toMatchObject({ equal: 0, quarantined: 4 });
    expect((await verify()).equal).toBe(true);
  });
});

describe('a verification', () => {
  it('leaves neither slot nor file nor lock when it is cancelled, wherever it is', async () => {
    await start();
    await sql(`INSERT INTO stars (id) SELECT i::text FROM generate_series(1, 5000) AS i`);
    await projector!.caughtUp();
    const cancelledAt = async (rows: number) => {
      const stopping = new AbortController();
      const told = (done: number) => (done >= rows ? stopping.abort(new Error('cancelled')) : undefined);
      await expect(verify({}, stopping.signal, told)).rejects.toThrow('cancelled');
      expect(await slots()).toEqual([database.name]);
      expect(await readdir(temporary())).toEqual([]);
    };
    await cancelledAt(1);
    await cancelledAt(5000); // waits for the lake
    await cancelledAt(5001);
    const locks = `SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE a.application_name = 'verification'`;
    await eventually(async () => (await sql(locks)).length === 0);
    expect(await verify()).toMatchObject({ equal: true });
  });

  it('says how far the lake is complete where it does not come to the point', async () => {
    await (await start()).caughtUp();
    await projector!.stop();
    await sql(rowsOfStars);
    await expect(verify({ patience: 100 })).rejects.toMatchObject({
      code: 'lake-behind',
      message: expect.stringMatching(/within 0.1 s: it is complete up to [0-9A-F]+\/[0-9A-F]+\./),
    });
    expect(await slots()).toEqual([database.name]);
  });

  it('refuses a database that the lake was not filled from, and a lake that was not filled', async () => {
    await expect(verify()).rejects.toMatchObject({ code: 'lake-without-snapshot' });
    await (await start()).caughtUp();
    const other = await emptyDatabase();
    await query(other.url, observatoryTables(other.name));
    const source = { databaseUrl: other.url, publication: other.name };
    await expect(verify({ source })).rejects.toMatchObject({ code: 'source-changed', change: 'database-replaced' });
    await other.close();
  });

  it('does not compare over two epochs', async () => {
    await (await start()).caughtUp();
    await projector!.stop();
    await sql(rowsOfStars);
    const read = Promise.withResolvers<void>();
    const verifying = verify({ patience: 600_000 }, never, () => read.resolve());
    await read.promise;
    await sql(`SELECT pg_drop_replication_slot('${database.name}')`);
    await Promise.all([
      expect(verifying).rejects.toMatchObject({ code: 'epoch-changed' }),
      start({ resnapshot: true }).then(() => projector!.caughtUp()),
    ]);
  });
});
