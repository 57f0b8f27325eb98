/**
 * All captured tables as they are at one point of the log.
 *
 * The rows are read in one transaction on the snapshot that a slot's creation exports, so a commit is in the snapshot or
 * comes by the slot, never both, never neither. One hole is left in that: a command that rewrites a table (ALTER TABLE …
 * TYPE, TRUNCATE) between the export and the reader's lock on it shows the old snapshot an empty table (Postgres manual,
 * "Caveats" of concurrency control). Locking before the export would make the slot's creation and such a command wait for
 * each other. So the tables' files are compared instead, and a snapshot that missed a rewrite is thrown away.
 */
import {
  connect,
  copyOut,
  copyOutCsv,
  disconnect,
  identifyServer,
  quoteIdentifier,
  type ChunkLimits,
  type CopiedRow,
  type CreatedSlot,
  type ServerIdentity,
  type SessionOptions,
} from '#libs/postgres-replication';
import pg from 'pg';
import type { Keys } from './row-changes.js';

/** Commands that rewrite tables left no gap for a snapshot. */
export class TablesRewritten extends Error {
  readonly code = 'tables-rewritten';
  constructor(readonly tries: number) {
    super(
      `A captured table was rewritten or truncated during each of ${tries} snapshots. Try again when that is over.`,
    );
    this.name = 'TablesRewritten';
  }
}

export interface ExportedSnapshot {
  readonly server: ServerIdentity;
  /** As Postgres prints it. Exactly the commits that end at or before it are in the snapshot. */
  readonly consistentPoint: string;
  /** The server's clock then; microseconds since 1970. */
  readonly time: bigint;
  /** In a transaction on the snapshot, holding the tables as they are. To be disconnected by who asked. */
  readonly reader: pg.Client;
}

export interface SnapshotSettings extends SessionOptions {
  readonly keys: Keys;
}

/** On a replication connection of its own, which ends when the snapshot has been taken over. */
type CreateSlot = (creator: pg.Client, server: ServerIdentity) => Promise<CreatedSlot>;

const REWRITE_TRIES = 10;

/** Waits for transactions that run now, in any database. @throws TablesRewritten */
export async function openSnapshot(
  admin: pg.Client,
  settings: SnapshotSettings,
  signal: AbortSignal,
  create: CreateSlot,
): Promise<ExportedSnapshot> {
  for (let tries = 1; tries <= REWRITE_TRIES; tries++) {
    const files = await tableFiles(admin, settings.keys);
    const snapshot = await tryToOpen(admin, settings, signal, create);
    const same = await tableFiles(snapshot.reader, settings.keys).then(
      (now) => now === files,
      () => false, // a table was dropped: the next try tells
    );
    if (same) return snapshot;
    await disconnect(snapshot.reader);
  }
  throw new TablesRewritten(REWRITE_TRIES);
}

async function tryToOpen(
  admin: pg.Client,
  settings: SnapshotSettings,
  signal: AbortSignal,
  create: CreateSlot,
): Promise<ExportedSnapshot> {
  const creator = await connect(settings, 'replication');
  try {
    const server = await identifyServer(creator);
    const { consistentPoint, snapshot } = await createUnlessAborted(admin, creator, signal, () =>
      create(creator, server),
    );
    const time = await serverClock(admin);
    const reader = await connect(settings);
    // the creator stays until here: its end would end the exported snapshot
    await importSnapshot(reader, snapshot, settings.keys);
    return { server, consistentPoint, time, reader };
  } finally {
    await disconnect(creator);
  }
}

/** Creating waits for other transactions, and a server process that waits does not see that its client has gone. */
async function createUnlessAborted(
  admin: pg.Client,
  creator: pg.Client,
  signal: AbortSignal,
  create: () => Promise<CreatedSlot>,
) {
  const [{ pid }] = (await creator.query('SELECT pg_backend_pid() AS pid')).rows;
  const abort = () => void admin.query('SELECT pg_terminate_backend($1)', [pid]).catch(() => {});
  signal.throwIfAborted();
  signal.addEventListener('abort', abort);
  try {
    return await create();
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function serverClock(client: pg.Client): Promise<bigint> {
  const [{ time }] = (
    await client.query('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint::text AS time')
  ).rows;
  return BigInt(time);
}

async function importSnapshot(reader: pg.Client, snapshot: string, keys: Keys): Promise<void> {
  try {
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await reader.query(`SET TRANSACTION SNAPSHOT ${pg.escapeLiteral(snapshot)}`);
    await reader.query(`LOCK TABLE ${[...keys.keys()].map(qualified).join(', ')} IN ACCESS SHARE MODE`);
  } catch (error) {
    await disconnect(reader);
    throw error;
  }
}

/** The files that hold the tables' rows: a rewrite makes new ones. Asked past any snapshot, so the newest. */
async function tableFiles(client: pg.Client, keys: Keys): Promise<string> {
  const tables = [...keys.keys()].map((table) => pg.escapeLiteral(qualified(table))).join(', ');
  const { rows } = await client.query(
    `SELECT string_agg(concat_ws(':', part, pg_relation_filenode(part)), ' ' ORDER BY part) AS files
     FROM unnest(ARRAY[${tables}]::regclass[]) AS t (root)
       LEFT JOIN LATERAL (SELECT root AS part UNION SELECT relid FROM pg_partition_tree(root)) AS parts ON true`,
  );
  return rows[0].files;
}

export interface PublishedColumns {
  readonly columns: readonly string[];
  readonly partitioned: boolean;
}

/** The rows of a table in a snapshot as the stream would send them: none of tables that inherit from this one. */
export const readTable = (
  reader: pg.Client,
  table: string,
  of: PublishedColumns,
  chunk: ChunkLimits,
): AsyncGenerator<readonly CopiedRow[], void> => copyOut(reader, rowsQuery(table, of), chunk);

/** The same rows as lines of CSV. */
export const readTableAsCsv = (
  reader: pg.Client,
  table: string,
  of: PublishedColumns,
  chunk: ChunkLimits,
): AsyncGenerator<readonly Buffer[], void> => copyOutCsv(reader, rowsQuery(table, of), chunk);

const rowsQuery = (table: string, { columns, partitioned }: PublishedColumns): string =>
  `SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ${partitioned ? '' : 'ONLY '}${qualified(table)}`;

const qualified = (table: string): string => `public.${quoteIdentifier(table)}`;
