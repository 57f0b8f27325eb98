/** Batches as large as saturation makes them, in which the small ones of the laws show nothing. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { guests } from '../test/histories.js';
import { TestDuckDb } from '../test/test-duckdb.js';
import { stepsSql } from './steps.js';
import { noVersionsSql, statesOfVersions } from './version.js';

let duckdb: TestDuckDb;
beforeAll(async () => {
  duckdb = await TestDuckDb.open();
});
afterAll(() => duckdb.close());

describe('the steps of a large batch', () => {
  // DuckDB's streaming windows gave 2048 rows twice where 51 200 (25 vectors) or a few hundred more went through them
  it.each([51_200, 51_400, 51_800, 102_400, 102_800])('are one for each of %i changes', async (changes) => {
    const keys = changes / 2;
    const none = `(${noVersionsSql(guests)})`;
    const told = `(SELECT i AS position, i AS tx_position, make_timestamptz(i) AS effective_at, 'u' AS op,
      '["' || i % ${keys} || '"]' AS key, '{"major":"' || i || '","gpa":"3.50"}' AS after,
      NULL::VARCHAR AS actor, NULL::VARCHAR AS command FROM range(${changes}) AS t(i))`;
    const rest = `(${statesOfVersions(guests, none)})`;
    const source = { changes: told, since: new Map(), open: none, rest, truncated: false };
    await duckdb.connection.run(`CREATE OR REPLACE TEMP TABLE steps AS ${stepsSql(guests, source)}`);

    // the first half's states end where the second half's begin, which stay
    expect(
      await duckdb.rows(`SELECT count(*)::INT, count(DISTINCT position)::INT, count(closed_tx)::INT,
        count(*) FILTER (closed_tx = position + ${keys})::INT FROM steps`),
    ).toEqual([[changes, changes, keys, keys]]);
  });
});
