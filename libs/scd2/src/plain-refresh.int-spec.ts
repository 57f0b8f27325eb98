import { afterAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Table } from '#libs/catalog';
import { TestDuckDb } from '../test/test-duckdb.js';
import { PlainRefresh } from './plain-refresh.js';
import { memoryDdl } from './reader-memory.js';
import { SeenColumns } from './seen-columns.js';
import type { ChangeRow } from './typed-change.js';

const about = { label: '', description: '' };
const boats: Table = {
  ...{ table: 'boats', name: 'boat', kind: 'dimension', key: ['id'], ...about },
  columns: [
    { name: 'id', type: 'text', ...about },
    { name: 'crew', type: 'text', ...about },
  ],
};

let duckdb: TestDuckDb;
let refresh: PlainRefresh;
beforeEach(async () => {
  duckdb ??= await TestDuckDb.open();
  for (const sql of memoryDdl(boats)) await duckdb.connection.run(sql);
  refresh = new PlainRefresh(duckdb.connection, boats, new SeenColumns(boats, new Map()));
});
afterAll(() => duckdb.close());

const change = (position: number, id: string, crew: string | null): ChangeRow => ({
  ...{ position: BigInt(position), txPosition: BigInt(position), op: 'u' },
  ...{ effectiveAt: BigInt(position), actor: null, command: null },
  ...{ key: JSON.stringify([id]), after: JSON.stringify({ id, crew }) },
});
const opened = () => duckdb.rows('SELECT boat_key, id, crew FROM boats_open ORDER BY boat_key');
const closed = () => duckdb.rows('SELECT position, closed_tx FROM boats_closing ORDER BY position');

describe('a refresh by plain code', () => {
  it('lets the values decide where two states have one hash', async () => {
    await refresh.apply([change(1, 'A', 'two')]);
    await duckdb.connection.run(`UPDATE boats_open SET state_hash = hash('three')`);
    await refresh.apply([change(2, 'A', 'three')]);
    await refresh.apply([change(3, 'A', 'three')]);
    expect(await opened()).toEqual([
      ['1', 'A', 'two'],
      ['2', 'A', 'three'],
    ]);
    expect(await closed()).toEqual([['1', '2']]);
  });

  it('takes no text for null, nor two for one', async () => {
    expect(await refresh.apply([change(1, 'A', '\u0002')])).toBe(false);
    expect(await refresh.apply([change(1, 'A', 'x\u0001y')])).toBe(false);
    expect(await refresh.apply([change(1, 'x\u0001y', null)])).toBe(false);
    expect(await refresh.apply([{ ...change(1, 'A', ''), actor: 'x\u0001y' }])).toBe(false);
    expect(await refresh.apply([{ ...change(1, 'A', ''), command: '\u0002' }])).toBe(false);
    expect(await opened()).toEqual([]);
    expect(await refresh.apply([change(1, 'A', null), change(2, 'B', ''), change(3, 'A', '')])).toBe(true);
    expect(await opened()).toEqual([
      ['1', 'A', null],
      ['2', 'B', ''],
      ['3', 'A', ''],
    ]);
  });

  it('takes no method of all objects for a column that a row has not', async () => {
    const constructed = {
      ...boats,
      columns: [...boats.columns, { name: 'constructor', type: 'text', ...about }],
    } as const;
    for (const sql of memoryDdl(constructed)) await duckdb.connection.run(sql);
    await new PlainRefresh(duckdb.connection, constructed, new SeenColumns(constructed, new Map())).apply([
      change(1, 'A', 'two'),
    ]);
    expect(await duckdb.rows('SELECT id, crew, constructor FROM boats_open')).toEqual([['A', 'two', null]]);
  });
});
