import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Column, Table } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { openVersionStores } from './version-store.js';

const column = (name: string, type: Column['type']): Column => ({ name, type, label: name, description: name });

const table = (...columns: Column[]): Table => ({
  table: 'buildings',
  name: 'building',
  kind: 'dimension',
  key: ['id'],
  columns: [column('id', 'text'), ...columns],
  label: 'Buildings',
  description: 'Where things are.',
});

let lake: string;
let duckdb: DuckDBConnection;
beforeAll(async () => {
  lake = await mkdtemp(join(tmpdir(), 'version-store-'));
  duckdb = await (await openDuckDb()).connect();
  await openVersionStores(lake, [table(column('height', 'integer'))], duckdb);
});
afterAll(async () => {
  duckdb.closeSync();
  await rm(lake, { recursive: true, force: true });
});

describe('versions that a lake has already', () => {
  it('are gone on with by a catalog that differs in words alone', async () => {
    const described = { ...column('height', 'integer'), label: 'Height', description: 'In metres.' };
    const [store] = await openVersionStores(lake, [table(described)], duckdb);
    expect(store!.drifted).toBe(false);
  });

  it.each([
    ['another type', table(column('height', 'numeric(6,2)'))],
    ['one more column', table(column('height', 'integer'), column('worth', 'integer'))],
    ['a column less', table()],
  ])('are not those of a catalog with %s', async (_, changed) => {
    const [store] = await openVersionStores(lake, [changed], duckdb);
    expect(store!.drifted).toBe(true);
  });
});
