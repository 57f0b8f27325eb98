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
   * over: the process may be stopped, or its machine gone without a word. Not while a snapshot is read. Default: 10 000.
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
 * The ordinary connection beside the stream: it holds the lock on the slot, and is asked for the server's clock.
 * @throws SourceNotReady, SlotInUse
 */
export async function openAdmin(settings: SlotSettings, signal: AbortSignal): Promise<pg.Client> {
  const { catalog, keys, publication, slot, patience } = settings;
  // the events are only ever appended, so their old rows need no whole image
  const tables = [...keys].map(([table, key]) => ({ table, key, fullIdentity: table !== catalog.events?.table }));
  const admin = await connect(settings);
  try {
    await checkPrerequisites(admin, publication, tables);
    await lockSlot(admin, slot, { patience, signal });
    return admin;
  } catch (error) {
    await disconnect(admin);
    throw error;
  }
}
