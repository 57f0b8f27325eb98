/**
 * `prisma migrate deploy` without its CLI: what a service runs at start. It keeps Prisma's own table and takes Prisma's
 * own lock, so that both may be used on one database.
 *
 * Unlike Prisma, a script and its entry commit together: killed at any line, a migration has happened and is known, or
 * neither, and the next start goes on. So a script must do without BEGIN, COMMIT and CONCURRENTLY.
 */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { readMigrations, type Migration } from './migration-folder.js';

/** An applied script is history: the database no longer is what the folder says. */
export class MigrationEdited extends Error {
  readonly code = 'migration-edited';
  constructor(readonly migration: string) {
    super(`Migration ${migration} was edited after it was applied. Restore the script; a change is a new migration.`);
    this.name = 'MigrationEdited';
  }
}

/** Prisma's CLI began it and did not finish. */
export class MigrationUnfinished extends Error {
  readonly code = 'migration-unfinished';
  constructor(readonly migration: string) {
    super(`Migration ${migration} was begun and not finished. Look what it did, then: npx prisma migrate resolve.`);
    this.name = 'MigrationUnfinished';
  }
}

/** Nothing of the script was applied; the ones before it were. */
export class MigrationFailed extends Error {
  readonly code = 'migration-failed';
  constructor(
    readonly migration: string,
    readonly line: number | null,
    cause: Error,
  ) {
    super(`Migration ${migration} failed${line ? ` at line ${line}` : ''} and was undone: ${cause.message}.`, {
      cause,
    });
    this.name = 'MigrationFailed';
  }
}

/** The lock that Prisma's engine takes: of two starting services one migrates, the other waits and finds it done. */
const LOCK = 72707369;

const TABLE = `CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
  migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
  started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`;

/**
 * Applies what the database does not have yet; returns the names. Migrations that the folder does not know (a newer
 * build's) are left alone.
 * @throws MigrationEdited, MigrationUnfinished, MigrationFailed
 */
export async function migrate(url: string, folder: string): Promise<string[]> {
  const migrations = readMigrations(folder);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`SELECT pg_advisory_lock(${LOCK})`);
    await client.query(TABLE);
    const applied = await readApplied(client);
    const missing = migrations.filter((migration) => !isApplied(migration, applied));
    for (const migration of missing) await apply(client, migration);
    return missing.map(({ name }) => name);
  } finally {
    await client.end(); // which also releases the lock
  }
}

/** Name → checksum. */
async function readApplied(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query<{ migration_name: string; checksum: string; finished: boolean }>(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
     FROM _prisma_migrations WHERE rolled_back_at IS NULL`,
  );
  const unfinished = rows.find(({ finished }) => !finished);
  if (unfinished) throw new MigrationUnfinished(unfinished.migration_name);
  return new Map(rows.map(({ migration_name, checksum }) => [migration_name, checksum]));
}

function isApplied({ name, checksum }: Migration, applied: ReadonlyMap<string, string>): boolean {
  if (applied.has(name) && applied.get(name) !== checksum) throw new MigrationEdited(name);
  return applied.has(name);
}

async function apply(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
       VALUES ($1, $2, $3, now(), clock_timestamp(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new MigrationFailed(name, lineOf(error, sql), error as Error);
  }
}

/** Postgres counts characters from 1. */
function lineOf(error: unknown, sql: string): number | null {
  const position = error instanceof pg.DatabaseError ? error.position : undefined;
  return position ? [...sql].slice(0, Number(position)).join('').split('\n').length : null;
}
