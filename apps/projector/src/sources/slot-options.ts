import { capturedTables, type Catalog } from '#libs/catalog';
import {
  checkPrerequisites,
  connect,
  disconnect,
  lockSlot,
  type ChunkLimits,
  type SessionOptions,
} from '#libs/postgres-replication';
import type pg from 'pg';
import type { Keys } from './row-changes.js';

export interface PostgresSlotOptions extends SessionOptions {
  /** Names of slots are the server's, not the database's. */
  readonly slot: string;
  readonly publication: string;
  /** Its tables are captured; what else the publication covers is ignored. */
  readonly catalog: Catalog;
  /** The size of a delivery's chunks. Default: 1000 changes or 1 MB. */
  readonly chunk?: ChunkLimits;
  /** Bytes that may wait for the receiver before the socket is paused. Default: 4 MB. */
  readonly buffered?: number;
  /** Milliseconds between two announcements of progress. Default: 1000. */
  readonly probeInterval?: number;
  /** Milliseconds to wait for another reader to release the slot. Default: 5000. */
  readonly patience?: number;
  /**
   * Milliseconds without a sign of life after which the server ends this source's connections, so that its standby can take
   * over: the process may be stopped, or its machine gone without a word. Default: 10 000.
   */
  readonly silence?: number;
  /** The connection was lost with this error, and is made again. */
  readonly interrupted?: (error: Error) => void;
}

export interface SlotSettings extends SessionOptions {
  readonly slot: string;
  readonly publication: string;
  readonly catalog: Catalog;
  readonly keys: Keys;
  readonly chunk: ChunkLimits;
  readonly buffered: number;
  readonly probeInterval: number;
  readonly patience: number;
  readonly silence: number;
}

const MEGABYTE = 2 ** 20;

export const settingsOf = (options: PostgresSlotOptions): SlotSettings => ({
  applicationName: 'change-source',
  chunk: { items: 1000, bytes: MEGABYTE },
  buffered: 4 * MEGABYTE,
  probeInterval: 1000,
  patience: 5000,
  silence: 10_000,
  ...options,
  keys: capturedTables(options.catalog),
});

/**
 * The ordinary connection beside the stream: it holds the lock on the slot, and is asked for the server's clock. The server
 * ends it when it is silent for long: `SignOfLife`.
 * @throws SourceNotReady, SlotInUse
 */
export async function openAdmin(settings: SlotSettings, signal: AbortSignal): Promise<pg.Client> {
  const { catalog, keys, publication, slot, patience, silence } = settings;
  // the events are only ever appended, so their old rows need no whole image
  const tables = [...keys].map(([table, key]) => ({ table, key, fullIdentity: table !== catalog.events?.table }));
  const admin = await connect(settings);
  try {
    await lockSlot(admin, slot, { patience, signal });
    // a lock is kept for whoever is connected, and a kernel answers for a process that has stopped; a sign of life is heard
    await admin.query(`SET idle_session_timeout = ${silence}`);
    await endSnapshots(admin, slot); // before anything else may wait for the tables
    await checkPrerequisites(admin, publication, tables);
    return admin;
  } catch (error) {
    await disconnect(admin);
    throw error;
  }
}

/** Of the connections on which a slot's snapshot is taken: no other ones bear it. 63 bytes are kept of a name. */
export const snapshotApplication = (slot: string): string => `snapshot of ${slot}`.slice(0, 63);

/**
 * Whoever holds the lock takes no snapshot yet, so these are of a reader that has lost it and perhaps does not know: its
 * process may be stopped, and would hold locks on the tables for as long.
 */
async function endSnapshots(admin: pg.Client, slot: string): Promise<void> {
  await admin.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND usename = current_user AND application_name = $1`,
    [snapshotApplication(slot)],
  );
}
