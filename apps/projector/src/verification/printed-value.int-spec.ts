import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { ColumnType } from '#libs/catalog';
import { openDuckDb, rowsOf } from '#libs/lake';
import { literal } from '#libs/scd2';
import { printedSql, sameSql } from './printed-value.js';

let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

/** What the lake's value (an SQL expression) says beside a text of the source. */
async function isSame(value: string, type: ColumnType, text: string | null): Promise<boolean> {
  const printed = printedSql('value', type);
  const [row] = await rowsOf(
    duckdb,
    `SELECT ${sameSql('text', 'printed', type)} AS same FROM (
       SELECT ${text === null ? 'NULL::VARCHAR' : literal(text)} AS text, ${printed} AS printed FROM (SELECT ${value} AS value))`,
  );
  return row!.same as boolean;
}

describe('a value of the lake says what the source says', () => {
  it.each<[ColumnType, string, string | null]>([
    ['text', `''`, ''],
    ['text', `'007'`, '007'],
    ['text', `'Zoë 💥'`, 'Zoë 💥'],
    ['text', 'NULL::VARCHAR', null],
    ['boolean', 'true', 't'],
    ['boolean', 'false', 'f'],
    ['boolean', 'false', 'false'],
    ['boolean', 'NULL::BOOLEAN', null],
    ['smallint', '(-32768)::SMALLINT', '-32768'],
    ['integer', '7', '007'],
    ['integer', '0', '-0'],
    ['integer', '100', '100'],
    ['bigint', '9223372036854775807', '9223372036854775807'],
    ['date', `DATE '0001-01-01'`, '0001-01-01'],
    ['date', `DATE '9999-12-31'`, '9999-12-31'],
    ['timestamptz', `TIMESTAMPTZ '0001-01-01 00:00:00+00'`, '0001-01-01 00:00:00+00'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:00.12+00'`, '2026-03-01 08:00:00.12+00'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:00.12+00'`, '2026-03-01 08:00:00.1200+00'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:00+00'`, '2026-03-01 08:00:00.000+00'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:10+00'`, '2026-03-01 08:00:10+00'],
    ['numeric(3,2)', '3.90::DECIMAL(3,2)', '3.90'],
    ['numeric(3,2)', '3.90::DECIMAL(3,2)', '003.9'],
    ['numeric(3,2)', '0.00::DECIMAL(3,2)', '-0'],
    ['numeric(3,2)', '(-0.5)::DECIMAL(3,2)', '-0.5000'],
    ['numeric(3,2)', '5::DECIMAL(3,2)', '5.'],
    ['numeric(2,2)', '0.5::DECIMAL(2,2)', '0.50'],
    ['numeric(38,0)', `'99999999999999999999999999999999999999'::DECIMAL(38,0)`, '9'.repeat(38)],
  ])('%s: %s is %j', async (type, value, text) => {
    expect(await isSame(value, type, text)).toBe(true);
  });
});

describe('a value of the lake is not taken for another one', () => {
  it.each<[ColumnType, string, string | null]>([
    ['text', `''`, null],
    ['text', 'NULL::VARCHAR', ''],
    ['text', `'7'`, '07'],
    ['text', `'t'`, 'true'],
    ['text', `'é'`, 'e\u0301'],
    ['boolean', 'true', 'f'],
    ['boolean', 'true', null],
    ['boolean', 'NULL::BOOLEAN', 'f'],
    ['smallint', '2::SMALLINT', '1.5'],
    ['smallint', '0::SMALLINT', ''],
    ['smallint', '0::SMALLINT', null],
    ['integer', '10', '1'],
    ['integer', '1', '-1'],
    ['integer', '1000', '1e3'],
    ['bigint', '9007199254740993', '9007199254740992'],
    ['date', `DATE '0044-03-15'`, '0044-03-15 BC'],
    ['date', `DATE '2026-02-03'`, '2026-03-02'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:00.000001+00'`, '2026-03-01 08:00:00+00'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:00+00'`, '2026-03-01 08:00:00+01'],
    ['timestamptz', `TIMESTAMPTZ '2026-03-01 08:00:01+00'`, '2026-03-01 08:00:10+00'],
    ['numeric(3,2)', '3.46::DECIMAL(3,2)', '3.456'],
    ['numeric(3,2)', '3.90::DECIMAL(3,2)', '3.09'],
    ['numeric(3,2)', '0.00::DECIMAL(3,2)', 'NaN'],
    ['numeric(3,2)', '0.00::DECIMAL(3,2)', null],
    ['numeric(20,4)', `'9007199254740993.0001'::DECIMAL(20,4)`, '9007199254740993.0002'],
    ['numeric(38,0)', `'99999999999999999999999999999999999999'::DECIMAL(38,0)`, `${'9'.repeat(37)}8`],
  ])('%s: %s is not %j', async (type, value, text) => {
    expect(await isSame(value, type, text)).toBe(false);
  });
});
