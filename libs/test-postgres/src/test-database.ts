import { migrate } from '#libs/migrations';
import { createHash, randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { clusterUrl } from './cluster.js';

/** A database of its own for one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly name: string;
  /** Ends every connection and slot of the database, and drops it. */
  close(): Promise<void>;
}

const migrations = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));

/** With the product's tables: a copy of a template that is migrated once a cluster. */
export async function testDatabase(): Promise<TestDatabase> {
  const urlOf = await clusterUrl();
  const template = await migratedTemplate(urlOf);
  return create(urlOf, `TEMPLATE ${template}`);
}

/** With no tables. */
export async function emptyDatabase(): Promise<TestDatabase> {
  return create(await clusterUrl(), 'TEMPLATE template0');
}

async function create(urlOf: (database: string) => string, template: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString('hex')}`;
  await onCluster(urlOf, (client) => client.query(`CREATE DATABASE ${name} ${template}`));
  return { name, url: urlOf(name), close: () => onCluster(urlOf, (client) => drop(client, name)) };
}

/** An active slot keeps its database from being dropped, even by FORCE; an inactive one goes with it. */
async function drop(client: pg.Client, name: string): Promise<void> {
  await client.query('SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots WHERE database = $1', [
    name,
  ]);
  await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/** Named after what was applied, so that an edited migration is never tested on yesterday's tables (watch mode). */
async function migratedTemplate(urlOf: (database: string) => string): Promise<string> {
  const template = `template_${migrationsHash().slice(0, 16)}`;
  const exists = await onCluster(urlOf, async (client) => {
    const found = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    return found.rowCount === 1;
  });
  if (!exists) await buildTemplate(urlOf, template);
  return template;
}

function migrationsHash(): string {
  const hash = createHash('sha256');
  for (const script of globSync(`${migrations}/*/migration.sql`).sort())
    hash.update(script).update(readFileSync(script));
  return hash.digest('hex');
}

/** The name is given when all is migrated: a failed attempt leaves no template. */
async function buildTemplate(urlOf: (database: string) => string, template: string): Promise<void> {
  const draft = `${template}_draft`;
  await onCluster(urlOf, async (client) => {
    await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${draft} TEMPLATE template0`);
  });
  await migrate(urlOf(draft), migrations);
  await onCluster(urlOf, (client) => client.query(`ALTER DATABASE ${draft} RENAME TO ${template}`));
}

async function onCluster<T>(urlOf: (database: string) => string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: urlOf('postgres') });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
