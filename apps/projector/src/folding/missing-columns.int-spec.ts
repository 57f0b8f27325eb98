import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { openDuckDb, rowsOf } from '#libs/lake';
import { lacksColumnSql, refuseMissingColumns } from './missing-columns.js';

const words = { label: 'x', description: 'x' };
const berths: Table = {
  ...{ table: 'berths', name: 'berth', kind: 'dimension', key: ['id'], ...words },
  columns: [
    { name: 'id', type: 'text', ...words },
    { name: 'depth', type: 'integer', nullable: true, ...words },
    { name: 'cra"nes', type: 'integer', nullable: true, ...words },
  ],
};

let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

/** Rows by position from 1 on; null: a change without a row. */
const changes = (...rows: (object | null)[]) =>
  `(VALUES ${rows.map((row, i) => `(${i + 1}::BIGINT, ${row ? `'${JSON.stringify(row)}'` : 'NULL'})`).join(', ')})
   AS changes(position, after)`;
const [whole, bare] = [
  { id: '1', depth: null, 'cra"nes': '2', other: 'x' },
  { id: '1', depth: '3' },
];

const lacking = async (...rows: (object | null)[]) => {
  const sql = `SELECT position FROM ${changes(...rows)} WHERE ${lacksColumnSql(berths)} ORDER BY 1`;
  return (await rowsOf(duckdb, sql)).map(({ position }) => Number(position));
};
const refusing = (...rows: (object | null)[]) => refuseMissingColumns(berths, changes(...rows), duckdb);

describe('a column of the catalog', () => {
  it('is lacked by a row that does not have it, not by one that has it NULL, nor by a change without a row', async () => {
    expect(await lacking(whole, bare, null, { ...whole, depth: undefined })).toEqual([2, 4]);
  });

  it('is missing where changes before had it', async () => {
    await expect(refusing(bare, whole, null, bare)).rejects.toMatchObject({
      ...{ code: 'column-missing', table: 'berths', column: 'cra"nes', position: 4 },
      message: expect.stringContaining('Take it out of the catalog'),
    });
  });

  it('is missing for the change that lacked it, also when it has come back', async () => {
    await expect(refusing(whole, bare, whole)).rejects.toMatchObject({ column: 'cra"nes', position: 2 });
  });

  it('may come later, or never have been there', async () => {
    await refusing(bare, bare, null, whole, whole);
    await expect(refusing(bare, bare)).resolves.toBeUndefined();
  });
});
