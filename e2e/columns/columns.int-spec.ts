/** What becomes of versions when a table's columns change: in the source, in the catalog, in both. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { checkCatalog, type Catalog, type Column, type ColumnType } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import type { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import { Verification } from '../../apps/projector/src/verification/verification.js';
import { withReader } from '../histories/answers.js';
import { query, RunningProjector } from '../running-projector.js';

const words = { label: 'x', description: 'x' };
const column = (name: string, type: ColumnType): Column => ({ name, type, nullable: true, ...words });

/** Berths of these columns, beside a table that nothing happens to. */
const harbour = (...columns: Column[]): Catalog =>
  checkCatalog({
    name: 'harbour',
    tables: [
      {
        ...{ table: 'berths', name: 'berth', kind: 'dimension', key: ['id'], ...words },
        columns: [{ name: 'id', type: 'text', ...words }, ...columns],
      },
      {
        ...{ table: 'quays', name: 'quay', kind: 'dimension', key: ['id'], ...words },
        columns: [{ name: 'id', type: 'text', ...words }, column('name', 'text')],
      },
    ],
  });

const folder = temporaryFolder('columns');
let duckdb: DuckDBInstance;
let database: TestDatabase;
let [count, lake] = [0, ''];
let projector: RunningProjector;
beforeAll(async () => void (duckdb = await openDuckDb({ threads: 1 })));
afterAll(() => duckdb.closeSync());
beforeEach(async () => {
  lake = join(folder, String(++count));
  database = await emptyDatabase();
});
afterEach(async () => {
  await projector.stop();
  await database.close();
});

const sql = (text: string) => query(database.url, text);

async function start(catalog: Catalog): Promise<void> {
  const { url: databaseUrl, name } = database;
  projector = new RunningProjector({ duckdb, databaseUrl, name, catalog, lake });
  await projector.until('streaming');
}

async function restart(catalog: Catalog): Promise<void> {
  await projector.stop();
  await start(catalog);
}

async function create(columns: string, rows: string): Promise<void> {
  await sql(`CREATE TABLE berths (id text PRIMARY KEY, ${columns}); ALTER TABLE berths REPLICA IDENTITY FULL;
    CREATE TABLE quays (id text PRIMARY KEY, name text); ALTER TABLE quays REPLICA IDENTITY FULL;
    CREATE PUBLICATION ${database.name} FOR TABLE berths, quays; INSERT INTO berths VALUES ${rows}`);
}

const rebuild = () => projector.projector.running!.rebuilds.rebuild('berths', () => {}, new AbortController().signal);

const verify = async (catalog: Catalog) => {
  const source = { databaseUrl: database.url, publication: database.name };
  const verification = new Verification({ source, lake, catalog, temporaryFolder: `${lake}.verification` });
  const { equal, tables } = await verification.run(() => {}, new AbortController().signal);
  const { missing, extra, different, quarantined, examples } = tables[0]!;
  return { equal, missing, extra, different, quarantined, examples };
};
const none = { missing: 0, extra: 0, different: 0, quarantined: 0, examples: [] };

/** All versions as `key: its other columns [opened, closed)`, and the keys that are unknown now, as of all that was appended. */
async function told(reader: LakeReader, catalog: Catalog) {
  expect(await reader.waitForPosition(projector.projector.running!.appender.lastPosition, 20_000)).toBe(true);
  const [table] = catalog.tables;
  const shown = table!.columns.slice(1).map(({ name }) => `coalesce(${name}::VARCHAR, 'NULL')`);
  return reader.read(async (session) => {
    const versions = await session.rows(
      `SELECT id || ': ' || ${shown.join(` || ' ' || `)} || ' [' || opened_tx || ', ' || coalesce(closed_tx::VARCHAR, '') || ')' AS line
       FROM ${session.versions(table!)} ORDER BY id, opened_tx`,
    );
    const unknown = [];
    for (const key of 'ABCDE') if (await session.quarantined(table!, [key], session.cut.position)) unknown.push(key);
    return { versions: versions.map(({ line }) => line), unknown: unknown.join('') };
  });
}

/** What a reader that starts now answers. */
const answers = (catalog: Catalog) => withReader({ lake, catalog }, (reader) => told(reader, catalog));

describe('a column that the source drops', () => {
  const catalog = harbour(column('name', 'text'), column('depth', 'integer'));

  it('makes what changes meanwhile unknown to everybody, stops the fold until it is back, and then heals', async () => {
    await create('name text, depth integer', `('A', 'a', 1), ('B', 'b', NULL)`);
    await start(catalog);
    await projector.caughtUp();
    await withReader({ lake, catalog }, async (follower) => {
      await sql('ALTER TABLE berths DROP COLUMN depth');
      await sql(`UPDATE berths SET name = 'aa' WHERE id = 'A'`);
      await sql(`INSERT INTO berths VALUES ('C', 'c')`);
      await expect(projector.caughtUp()).rejects.toMatchObject({
        ...{ code: 'fold-failed', table: 'berths' },
        cause: { code: 'column-missing', column: 'depth', position: 6 },
      });
      const gap = { versions: ['A: a 1 [1, 5)', 'B: b NULL [1, )'], unknown: 'AC' };
      expect(await told(follower, catalog)).toEqual(gap);
      expect(await answers(catalog)).toEqual(gap);

      await sql('ALTER TABLE berths ADD COLUMN depth integer');
      await sql(`INSERT INTO berths VALUES ('D', 'd', 4)`);
      await projector.caughtUp();
      const back = { versions: [...gap.versions, 'D: d 4 [7, )'], unknown: 'AC' };
      expect(await told(follower, catalog)).toEqual(back);
      expect(await answers(catalog)).toEqual(back);
      expect(await verify(catalog)).toMatchObject({
        ...none,
        equal: true,
        quarantined: 2,
        examples: expect.anything(),
      });

      expect(await rebuild()).toMatchObject({ differences: { only_old: 0, only_new: 0, changed: 0 }, quarantined: 2 });
      expect(await answers(catalog)).toEqual(back);
      await sql(`UPDATE berths SET depth = 5 WHERE id <> 'D'`);
      await projector.caughtUp();
      const healed = {
        versions: [
          'A: a 1 [1, 5)',
          'A: aa 5 [8, )',
          'B: b NULL [1, 8)',
          'B: b 5 [8, )',
          'C: c 5 [8, )',
          'D: d 4 [7, )',
        ],
        unknown: '',
      };
      expect(await told(follower, catalog)).toEqual(healed);
      expect(await answers(catalog)).toEqual(healed);
      expect(await verify(catalog)).toEqual({ equal: true, ...none });
    });
  }, 60_000);

  it('renamed is unknown under its old name, and has its past since then under its new one', async () => {
    await create('name text, depth integer', `('A', 'a', 1), ('B', 'b', 2)`);
    await start(catalog);
    await sql('ALTER TABLE berths RENAME COLUMN depth TO draught');
    await sql(`UPDATE berths SET draught = 3 WHERE id = 'A'`);
    await expect(projector.caughtUp()).rejects.toThrow('has no column depth');
    expect(await answers(catalog)).toEqual({ versions: ['A: a 1 [1, 5)', 'B: b 2 [1, )'], unknown: 'A' });
    const renamed = harbour(column('name', 'text'), column('draught', 'integer'));
    await restart(renamed);
    expect(await rebuild()).toMatchObject({ columns: { added: ['draught'], dropped: ['depth'] }, quarantined: 0 });
    await sql(`UPDATE berths SET name = 'bb' WHERE id = 'B'`);
    await projector.caughtUp();
    expect(await answers(renamed)).toEqual({
      versions: ['A: a NULL [1, 5)', 'A: a 3 [5, )', 'B: b NULL [1, 6)', 'B: bb 2 [6, )'],
      unknown: '',
    });
  }, 60_000);
});

describe('a column that gets another type', () => {
  it('in the source quarantines what does not fit, and in the catalog stops the fold until a rebuild, which does too', async () => {
    const before = harbour(column('depth', 'integer'));
    await create('depth integer', `('A', 1), ('B', 500)`);
    await start(before);
    await sql('ALTER TABLE berths ALTER COLUMN depth TYPE numeric');
    await sql(`INSERT INTO berths VALUES ('C', 2.5); UPDATE berths SET depth = 7 WHERE id = 'A'`);
    await projector.caughtUp();
    expect(await answers(before)).toEqual({ versions: ['A: 1 [1, 5)', 'A: 7 [5, )', 'B: 500 [1, )'], unknown: 'C' });

    const after = harbour(column('depth', 'numeric(4,2)'));
    await restart(after);
    await sql(`INSERT INTO berths VALUES ('D', 4.25); INSERT INTO quays VALUES ('Q', 'q')`);
    await projector.caughtUp();
    const { folding, appender } = projector.projector.running!;
    expect(folding.status).toMatchObject([
      { table: 'berths', drifted: true, position: 6 },
      { table: 'quays', drifted: false, position: appender.lastPosition },
    ]);
    expect(await answers(before)).toEqual({
      versions: ['A: 1 [1, 5)', 'A: 7 [5, )', 'B: 500 [1, )'],
      unknown: 'CD',
    });

    expect(await rebuild()).toMatchObject({ drifted: true, columns: { retyped: ['depth'] }, quarantined: 1 });
    await sql(`INSERT INTO berths VALUES ('E', 1234.5); UPDATE berths SET depth = 50 WHERE id = 'B'`);
    await projector.caughtUp();
    expect(await answers(after)).toEqual({
      versions: ['A: 1.00 [1, 5)', 'A: 7.00 [5, )', 'B: 50.00 [9, )', 'C: 2.50 [5, )', 'D: 4.25 [7, )'],
      unknown: 'E',
    });
    expect(await verify(after)).toMatchObject({ equal: true, quarantined: 1 });
  }, 60_000);
});

describe('a column that comes with a default', () => {
  it('has no change of the rows that were there: verify names them, and a resnapshot brings them', async () => {
    const [before, after] = [harbour(column('name', 'text')), harbour(column('name', 'text'), column('flag', 'text'))];
    await create('name text', `('A', 'a'), ('B', 'b')`);
    await start(before);
    await projector.caughtUp();
    await sql(`ALTER TABLE berths ADD COLUMN flag text DEFAULT 'grey'`);
    await sql(`UPDATE berths SET name = 'aa' WHERE id = 'A'; INSERT INTO berths VALUES ('C', 'c')`);
    await restart(after);
    await rebuild();
    await projector.caughtUp();
    const lasting = ['A: a NULL [1, 5)', 'A: aa grey [5, )'];
    expect(await answers(after)).toEqual({
      versions: [...lasting, 'B: b NULL [1, )', 'C: c grey [5, )'],
      unknown: '',
    });
    expect(await verify(after)).toEqual({
      ...{ ...none, equal: false, different: 1 },
      examples: [{ finding: 'different', key: ['B'], columns: ['flag'] }],
    });

    await projector.projector.resnapshot();
    await projector.caughtUp();
    expect(await answers(after)).toEqual({
      versions: [...lasting, 'B: b NULL [1, 7)', 'B: b grey [7, )', 'C: c grey [5, )'],
      unknown: '',
    });
    expect(await verify(after)).toEqual({ equal: true, ...none });
  }, 60_000);
});
