import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { SeenColumns } from '#libs/scd2';
import { newestRow, refuseMissingColumns } from './missing-columns.js';

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

type Rows = readonly (object | null)[];

/** Rows by position from 1 on; null: a change without a row. */
const changes = (rows: Rows) =>
  `(VALUES ${rows.map((row, i) => `(${i + 1}::BIGINT, ${row ? `'${JSON.stringify(row)}'` : 'NULL'})`).join(', ')})
   AS changes(position, after)`;
const [whole, bare] = [
  { id: '1', depth: null, 'cra"nes': '2', other: 'x' },
  { id: '1', depth: '3' },
];

/** A fold of `folded`, where `later` lies in the changelog behind it. */
async function fold(folded: Rows, later: Rows = []): Promise<ReadonlyMap<string, number>> {
  const columns = new SeenColumns(berths, new Map());
  await columns.seeAll(duckdb, changes(folded));
  const newest = () => newestRow(changes([...folded, ...later]), duckdb);
  await refuseMissingColumns(berths, columns, await newestRow(changes(folded), duckdb), newest);
  return columns.since;
}

describe('a column of the catalog', () => {
  it('is missing where the newest change lacks it, and changes before had it', async () => {
    await expect(fold([bare, whole, null, bare, null])).rejects.toMatchObject({
      ...{ code: 'column-missing', table: 'berths', column: 'cra"nes', position: 4 },
      message: expect.stringContaining('Give the source the column back'),
    });
  });

  it('is missing no more when it has come back, be it behind what is folded', async () => {
    expect(await fold([whole, bare, whole])).toEqual(new Map(Object.entries({ depth: 1, 'cra"nes': 1 })));
    expect(await fold([whole, bare, null], [bare, whole, null])).toEqual(
      new Map(Object.entries({ depth: 1, 'cra"nes': 1 })),
    );
    await expect(fold([whole, bare], [whole, bare, null])).rejects.toMatchObject({ position: 4 });
  });

  it('may come later, NULL at first, or never have been there', async () => {
    expect(await fold([null, { id: '1' }, bare, null, whole])).toEqual(
      new Map(Object.entries({ depth: 3, 'cra"nes': 5 })),
    );
    expect(await fold([{ id: '1', 'cra"nes': null }])).toEqual(new Map([['cra"nes', 1]]));
    expect(await fold([null, null])).toEqual(new Map());
  });
});
