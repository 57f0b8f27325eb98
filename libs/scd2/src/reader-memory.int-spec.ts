import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Table } from '#libs/catalog';
import { TestDuckDb } from '../test/test-duckdb.js';
import { noQuarantineSql } from './quarantine.js';
import { compactSql, forgetSql, keyHashSql, loadSql, memoryDdl, wornSql } from './reader-memory.js';
import { MemoryRefresh } from './refresh.js';

const about = { label: '', description: '' };
const stations: Table = {
  ...{ table: 'stations', name: 'station', kind: 'dimension', key: ['line', 'stop'], ...about },
  columns: [
    { name: 'line', type: 'text', ...about },
    { name: 'stop', type: 'smallint', ...about },
    { name: 'height', type: 'numeric(6,1)', ...about },
  ],
};

let duckdb: TestDuckDb;
const rows = (sql: string) => duckdb.rows(sql);

/** Stops 1 … 30 000 of line A. */
const files = {
  open: `(SELECT i AS station_key, 'A' AS line, i::SMALLINT AS stop, 1.5::DECIMAL(6,1) AS height, make_timestamptz(i) AS valid_from,
    NULL::TIMESTAMPTZ AS valid_to, i AS opened_tx, NULL::BIGINT AS closed_tx, NULL AS actor, NULL AS command FROM range(1, 30001) AS t(i))`,
  quarantine: `(${noQuarantineSql()})`,
  foldPosition: 30_000,
};

/** Gives all stops another height, from position `first` on. */
async function changeAll(first: number, height: string): Promise<void> {
  await new MemoryRefresh(duckdb.connection, stations, new Map()).apply({
    changes: `(SELECT ${first} + stop AS position, ${first} AS tx_position, make_timestamptz(${first}) AS effective_at, 'u' AS op,
      to_json(['A', stop::VARCHAR])::VARCHAR AS key, '{"height":"${height}"}' AS after, NULL AS actor, NULL AS command
      FROM range(1, 30001) AS t(stop))`,
  });
}

const lookup = `SELECT height::VARCHAR FROM stations_open
  WHERE key_hash IN ((SELECT ${keyHashSql(stations, [`'A'`, '7::SMALLINT'])}))`;

async function planOfLookup(): Promise<string> {
  const [[hash]] = (await rows(`SELECT ${keyHashSql(stations, [`'A'`, '7::SMALLINT'])}::VARCHAR`)) as [[string]];
  const [[, plan]] = (await rows(
    `EXPLAIN ANALYZE SELECT * FROM stations_open WHERE key_hash IN (${hash}, 1)`,
  )) as string[][];
  return plan!;
}

beforeAll(async () => {
  duckdb = await TestDuckDb.open();
  for (const sql of [...memoryDdl(stations), ...loadSql(stations, files)]) await duckdb.connection.run(sql);
});
afterAll(() => duckdb.close());

describe('the memory of a reader', () => {
  it('finds a composite key through an index', async () => {
    expect(await planOfLookup()).toContain('Index Scan');
    expect(await rows(lookup)).toEqual([['1.5']]);
  });

  it('is worn when more than half of the open rows were replaced, and as good as new after a compaction', async () => {
    expect(await rows(wornSql(stations))).toEqual([[false]]);
    for (const fold of [1, 2]) {
      await changeAll(fold * 100_000, `${fold}.0`);
      await duckdb.inTransaction(forgetSql(stations, (fold + 1) * 100_000 - 1));
    }
    expect(await rows(wornSql(stations))).toEqual([[true]]);
    await duckdb.inTransaction(compactSql(stations));
    expect(await rows(wornSql(stations))).toEqual([[false]]);
    expect(await planOfLookup()).toContain('Index Scan');
    expect(await rows(lookup)).toEqual([['2.0']]);
    expect(await rows('SELECT count(*)::INTEGER, min(height)::VARCHAR FROM stations_open')).toEqual([[30_000, '2.0']]);
  });
});
