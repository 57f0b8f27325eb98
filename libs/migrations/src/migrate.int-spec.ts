import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrate } from './migrate.js';

let database: TestDatabase;
let folder: string;

beforeEach(async () => {
  database = await emptyDatabase();
  folder = await mkdtemp(join(tmpdir(), 'migrations-'));
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true });
});

function script(name: string, sql: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, 'migration.sql'), sql);
}

async function rows(sql: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

describe('migrating', () => {
  it('applies the scripts in the order of their names, and each once', async () => {
    script('2_fill', 'INSERT INTO buildings VALUES (1)');
    script('1_create', 'CREATE TABLE buildings (id int)');
    expect(await migrate(database.url, folder)).toEqual(['1_create', '2_fill']);
    expect(await migrate(database.url, folder)).toEqual([]);
    expect(await rows('SELECT id FROM buildings')).toEqual([[1]]);
  });

  it('applies each script once when several services start together', async () => {
    script('1_create', 'CREATE TABLE buildings (id int); INSERT INTO buildings VALUES (1); SELECT pg_sleep(0.2)');
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url, folder)));
    expect(applied.flat()).toEqual(['1_create']);
    expect(await rows('SELECT count(*)::int FROM buildings')).toEqual([[1]]);
  });

  it('undoes a failing script wholly, names its line, and applies the mended one at the next start', async () => {
    script('1_create', 'CREATE TABLE buildings (id int)');
    script('2_broken', '-- é\nCREATE TABLE rooms (id int);\nINSERT INTO nowhere VALUES (1)');
    await expect(migrate(database.url, folder)).rejects.toMatchObject({
      code: 'migration-failed',
      migration: '2_broken',
      line: 3,
    });
    expect(await rows(`SELECT to_regclass('buildings') IS NOT NULL, to_regclass('rooms') IS NULL`)).toEqual([
      [true, true],
    ]);
    script('2_broken', 'CREATE TABLE rooms (id int)');
    expect(await migrate(database.url, folder)).toEqual(['2_broken']);
  });

  it('refuses a script that was edited after it was applied', async () => {
    script('1_create', 'CREATE TABLE buildings (id int)');
    await migrate(database.url, folder);
    script('1_create', 'CREATE TABLE buildings (id bigint)');
    await expect(migrate(database.url, folder)).rejects.toMatchObject({
      code: 'migration-edited',
      migration: '1_create',
    });
  });

  it('refuses to go on after a migration that Prisma began and did not finish', async () => {
    script('1_create', 'CREATE TABLE buildings (id int)');
    await migrate(database.url, folder);
    await rows('UPDATE _prisma_migrations SET finished_at = NULL');
    await expect(migrate(database.url, folder)).rejects.toMatchObject({ code: 'migration-unfinished' });
  });
});
