import { capturedTables } from '#libs/catalog';
import { testDatabase, type TestDatabase } from '#libs/test-postgres';
import { university } from '#libs/university';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await testDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.close();
});

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Exit code and output of Prisma's CLI on the database that our own code migrated. */
async function prisma(...args: string[]): Promise<{ code: number; output: string }> {
  const env = { ...process.env, DATABASE_URL: database.url };
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['tools/prisma.mjs', ...args], { cwd: root, env });
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout } = error as { code: number; stdout: string };
    return { code, output: stdout };
  }
}

const difference = (schema: string) =>
  prisma('migrate', 'diff', '--from-config-datasource', '--to-schema', schema, '--exit-code');

describe('the migrated database', () => {
  it('is up to date in the eyes of Prisma', async () => {
    expect(await prisma('migrate', 'status')).toMatchObject({ code: 0, output: expect.stringMatching(/up to date/) });
  }, 30_000);

  it('is what schema.prisma says, and a column more would be noticed', async () => {
    expect(await difference('prisma/schema.prisma')).toMatchObject({ code: 0 });
    const folder = await mkdtemp(join(tmpdir(), 'schema-'));
    const schema = await readFile(join(root, 'prisma/schema.prisma'), 'utf8');
    await writeFile(join(folder, 'schema.prisma'), schema.replace('first_name ', 'nickname String\nfirst_name '));
    expect(await difference(join(folder, 'schema.prisma'))).toMatchObject({
      code: 2,
      output: expect.stringMatching(/nickname/),
    });
    await rm(folder, { recursive: true });
  }, 30_000);
});

const texts = async (sql: string, ...values: unknown[]): Promise<string[]> =>
  (await client.query({ text: sql, values, rowMode: 'array' })).rows.map((row: unknown[]) => String(row[0]));

describe('the catalog of the university', () => {
  it('publishes exactly its tables, every operation of them', async () => {
    const published = await texts(`SELECT tablename FROM pg_publication_tables WHERE pubname = 'migsbyu' ORDER BY 1`);
    expect(published).toEqual([...capturedTables(university).keys()].sort());
    const all = `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT puballtables FROM pg_publication`;
    expect(await texts(all)).toEqual(['true']);
  });

  it('has the keys of the source', async () => {
    for (const [table, key] of capturedTables(university)) {
      const columns = await texts(
        `SELECT k.column_name FROM information_schema.table_constraints t
         JOIN information_schema.key_column_usage k USING (constraint_schema, constraint_name, table_name)
         WHERE t.table_schema = 'public' AND t.table_name = $1 AND t.constraint_type = 'PRIMARY KEY'
         ORDER BY k.ordinal_position`,
        table,
      );
      expect([table, columns]).toEqual([table, key]);
    }
  });

  it('has the columns, types and nullability of the source, and leaves out only what it calls untracked', async () => {
    for (const table of university.tables) {
      const source = await client.query<{ name: string; type: string; nullable: boolean }>(
        `SELECT column_name AS name, is_nullable = 'YES' AS nullable,
           CASE data_type WHEN 'character varying' THEN 'text' WHEN 'timestamp with time zone' THEN 'timestamptz'
             WHEN 'numeric' THEN 'numeric(' || numeric_precision || ',' || numeric_scale || ')' ELSE data_type END AS type
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1 ORDER BY ordinal_position`,
        [table.table],
      );
      const tracked = source.rows.filter(({ name }) => !table.untracked?.includes(name));
      const catalog = table.columns.map(({ name, type, nullable = false }) => ({ name, type, nullable }));
      expect(catalog).toEqual(tracked);
      expect(source.rows.map(({ name }) => name)).toEqual(expect.arrayContaining([...(table.untracked ?? [])]));
    }
  });

  it('has the whole old row in the log for its tables, and the key for events', async () => {
    const identities = await client.query<{ relname: string; relreplident: string }>(
      `SELECT relname, relreplident::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
    );
    const found = new Map(identities.rows.map(({ relname, relreplident }) => [relname, relreplident]));
    for (const { table } of university.tables) expect([table, found.get(table)]).toEqual([table, 'f']);
    expect(found.get(university.events!.table)).toBe('d');
  });

  it('sorts every text by its bytes', async () => {
    const others = await texts(
      `SELECT table_name || '.' || column_name FROM information_schema.columns
       WHERE table_schema IN ('public', 'internal') AND table_name <> '_prisma_migrations'
         AND data_type IN ('text', 'character varying') AND collation_name IS DISTINCT FROM 'C'`,
    );
    expect(others).toEqual([]);
  });
});
