/**
 * The start of an epoch: a new slot, and all captured tables as they are where it starts.
 *
 * The rows are read in one transaction on the snapshot that the slot's creation exports, so a commit is in the snapshot or
 * comes by the slot, never both, never neither. One hole is left in that: a command that rewrites a table (ALTER TABLE …
 * TYPE, TRUNCATE) between the export and the reader's lock on it shows the old snapshot an empty table (Postgres manual,
 * "Caveats" of concurrency control). Locking before the export would make the slot's creation and such a command wait for
 * each other. So the tables' files are compared instead, and a snapshot that missed a rewrite is thrown away.
 */
import {
  parseLsn,
  type ChangeEvent,
  type CommitEnd,
  type Lsn,
  type SourceEpoch,
  type Transaction,
} from '#libs/change-event';
import { failpoint } from '#libs/failpoints';
import {
  connect,
  copyOut,
  createSlot,
  disconnect,
  dropSlot,
  identifyServer,
  publishedTables,
  quoteIdentifier,
  type CopiedRow,
} from '#libs/postgres-replication';
import pg from 'pg';
import { rowKey, type Change, type Keys } from './row-changes.js';
import { newEpoch } from './slot-epoch.js';
import type { SlotSettings } from './slot-options.js';
import { TransactionCut } from './transaction-delivery.js';

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

export interface SlotSnapshot {
  readonly epoch: SourceEpoch;
  readonly consistentPoint: Lsn;
  /** Of each table a truncate, then its rows. */
  readonly transaction: Transaction;
  close(): Promise<void>;
}

/** A transaction has an xid; a snapshot has none. */
const NO_XID = '0';
const REWRITE_TRIES = 10;

/**
 * `admin` holds the lock on the slot. The old slot is dropped: everything that it still holds is in the snapshot.
 * @throws SlotInUse
 */
export async function takeSnapshot(
  admin: pg.Client,
  settings: SlotSettings,
  signal: AbortSignal,
): Promise<SlotSnapshot> {
  for (let tries = 1; tries <= REWRITE_TRIES; tries++) {
    const files = await tableFiles(admin, settings.keys);
    await dropSlot(admin, settings.slot, { patience: settings.patience, signal });
    await failpoint('snapshot.before-slot');
    const { reader, epoch, end } = await openSnapshot(admin, settings, signal);
    const same = await tableFiles(reader, settings.keys).then(
      (now) => now === files,
      () => false, // a table was dropped: the next try tells
    );
    const transaction = transactionOf(reader, settings, epoch, end);
    if (same) return { epoch, consistentPoint: end.commitLsn, transaction, close: () => disconnect(reader) };
    await disconnect(reader);
  }
  throw new TablesRewritten(REWRITE_TRIES);
}

interface OpenSnapshot {
  readonly epoch: SourceEpoch;
  readonly end: CommitEnd;
  /** In a transaction on the snapshot, holding the tables as they are. */
  readonly reader: pg.Client;
}

async function openSnapshot(admin: pg.Client, settings: SlotSettings, signal: AbortSignal): Promise<OpenSnapshot> {
  const creator = await connect(settings, 'replication');
  try {
    const server = await identifyServer(creator);
    const { consistentPoint, snapshot } = await createUnlessAborted(admin, creator, settings.slot, signal);
    const end = { commitLsn: parseLsn(consistentPoint), committedAt: await serverClock(admin) };
    const reader = await connect(settings);
    // the creator stays until here: its end would end the exported snapshot
    await importSnapshot(reader, snapshot, settings.keys);
    return { reader, epoch: newEpoch(server, settings, consistentPoint), end };
  } finally {
    await disconnect(creator);
  }
}

/** Creating waits for other transactions, and a server process that waits does not see that its client has gone. */
async function createUnlessAborted(admin: pg.Client, creator: pg.Client, slot: string, signal: AbortSignal) {
  const [{ pid }] = (await creator.query('SELECT pg_backend_pid() AS pid')).rows;
  const abort = () => void admin.query('SELECT pg_terminate_backend($1)', [pid]).catch(() => {});
  signal.throwIfAborted();
  signal.addEventListener('abort', abort);
  try {
    return await createSlot(creator, slot);
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

const qualified = (table: string): string => `public.${quoteIdentifier(table)}`;

function transactionOf(reader: pg.Client, settings: SlotSettings, epoch: SourceEpoch, end: CommitEnd): Transaction {
  const ending = Promise.withResolvers<CommitEnd>();
  ending.promise.catch(() => {}); // who takes the changes meets the same error there
  async function* changes(): AsyncGenerator<readonly ChangeEvent[], void> {
    let ordinal = 0;
    try {
      await failpoint('snapshot.begin');
      for await (const chunk of tableChanges(reader, settings)) {
        await failpoint('snapshot.rows');
        yield chunk.map((change) => ({ ordinal: ordinal++, ...change }));
      }
      await failpoint('snapshot.before-commit');
      ending.resolve(end);
    } catch (error) {
      const cut = new TransactionCut(NO_XID, error);
      ending.reject(cut);
      throw cut;
    }
  }
  return { header: { txId: NO_XID, opens: epoch }, changes: changes(), end: ending.promise };
}

async function* tableChanges(reader: pg.Client, settings: SlotSettings): AsyncGenerator<Change[], void> {
  const published = await publishedTables(reader, settings.publication);
  for (const [table, key] of settings.keys) {
    yield [{ table, op: 't', key: null }];
    const { columns, partitioned } = published.get(table)!;
    // what the stream sends: no rows of tables that inherit from this one
    const source = `${partitioned ? '' : 'ONLY '}${qualified(table)}`;
    const query = `SELECT ${columns.map(quoteIdentifier).join(', ')} FROM ${source}`;
    for await (const rows of copyOut(reader, query, settings.chunk))
      yield rows.map((values) => readChange(table, key, columns, values));
  }
}

function readChange(table: string, key: readonly string[], columns: readonly string[], values: CopiedRow): Change {
  const row = Object.fromEntries(columns.map((column, i) => [column, values[i]!]));
  return { table, op: 'r', key: rowKey(table, key, row), after: JSON.stringify(row) };
}
