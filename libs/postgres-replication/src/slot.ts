import { parseLsn, type Lsn } from '#libs/change-event';
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { quoteIdentifier, quoteLiteral } from './session.js';

/** Somebody else reads from the slot: wait as a standby, and try again. */
export class SlotInUse extends Error {
  readonly code = 'slot-in-use';
  constructor(
    readonly slot: string,
    cause?: unknown,
  ) {
    super(`Replication slot ${slot} is in use by another reader. It is taken over when that one has gone.`, { cause });
    this.name = 'SlotInUse';
  }
}

export interface Slot {
  readonly plugin: string | null;
  readonly database: string | null;
  /** Up to where its reader said that nothing needs to be sent again. */
  readonly confirmed: Lsn | null;
  readonly activePid: number | null;
  /** Why the server gave the slot up, if it did. */
  readonly invalidation: string | null;
  /**
   * Where the slot was created, which never changes: its identity. From Postgres 18 on; before that, undefined. null on a
   * slot that `createSlot` did not make.
   */
  readonly createdAt: Lsn | null | undefined;
}

/** null if there is none of this name. On either kind of connection. */
export async function readSlot(client: pg.Client, slot: string): Promise<Slot | null> {
  // as JSON, since the view has other columns in each version of Postgres
  const found = await client.query<{ slot: Record<string, string | number | boolean | null> }>(
    `SELECT to_jsonb(s) AS slot FROM pg_replication_slots AS s WHERE slot_name = ${quoteLiteral(slot)}`,
  );
  const row = found.rows[0]?.slot;
  if (!row) return null;
  const lsn = (column: string) => (row[column] === null ? null : parseLsn(String(row[column])));
  const text = (column: string) => (row[column] == null ? null : String(row[column]));
  return {
    plugin: text('plugin'),
    database: text('database'),
    confirmed: lsn('confirmed_flush_lsn'),
    activePid: row['active_pid'] as number | null,
    invalidation: text('invalidation_reason') ?? (row['wal_status'] === 'lost' ? 'wal_removed' : null),
    createdAt: 'two_phase_at' in row ? lsn('two_phase_at') : undefined,
  };
}

export interface CreatedSlot {
  /** As Postgres prints it. Commits that end at or before it are in the snapshot; all others come by the slot. */
  readonly consistentPoint: string;
  /** For SET TRANSACTION SNAPSHOT, until the next command on this connection or its end. */
  readonly snapshot: string;
}

/**
 * Creates a slot and exports the snapshot at its start. Waits for transactions that run now, in any database.
 *
 * TWO_PHASE is asked for because of what comes with it: the server keeps for the life of the slot where it was turned on
 * (`two_phase_at`), here the consistent point. Nothing else of a slot stays as it was made. Prepared transactions still
 * come at their COMMIT PREPARED, since the stream does not ask for them earlier (pgoutput, `two_phase`).
 */
export async function createSlot(replication: pg.Client, slot: string): Promise<CreatedSlot> {
  const [row] = (
    await replication.query(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} LOGICAL pgoutput (SNAPSHOT 'export', TWO_PHASE true)`,
    )
  ).rows;
  return { consistentPoint: row.consistent_point, snapshot: row.snapshot_name };
}

/** As `createSlot`, a slot that is gone with its connection: for the snapshot alone, beside whatever slots there are. */
export async function createTemporarySlot(replication: pg.Client, slot: string): Promise<CreatedSlot> {
  const [row] = (
    await replication.query(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(slot)} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')`,
    )
  ).rows;
  return { consistentPoint: row.consistent_point, snapshot: row.snapshot_name };
}

/** Drops the slot if it is there. @throws SlotInUse */
export async function dropSlot(client: pg.Client, slot: string, wait: Wait): Promise<void> {
  const drop = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${quoteLiteral(slot)}`;
  await untilReleased(slot, wait, async () => void (await client.query(drop)));
}

/**
 * Keeps other readers out for the life of this connection, also while the slot itself has no reader (a snapshot is read).
 * @throws SlotInUse
 */
export async function lockSlot(client: pg.Client, slot: string, wait: Wait): Promise<void> {
  const key = `hashtext('replication slot'), hashtext(${quoteLiteral(slot)})`;
  await untilReleased(slot, wait, async () => {
    const [{ locked }] = (await client.query(`SELECT pg_try_advisory_lock(${key}) AS locked`)).rows;
    if (!locked) throw new SlotInUse(slot);
  });
}

/** How long to wait for the slot's reader to go. */
export interface Wait {
  /** Milliseconds. */
  readonly patience: number;
  readonly signal?: AbortSignal;
}

const RETRY_EVERY = 50;
const OBJECT_IN_USE = '55006';

/**
 * A reader that was killed or cut off holds its slot until its server process notices: tries again for a while.
 * @throws SlotInUse
 */
export async function untilReleased<T>(slot: string, wait: Wait, attempt: () => Promise<T>): Promise<T> {
  const until = performance.now() + wait.patience;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const inUse = error instanceof SlotInUse || (error instanceof pg.DatabaseError && error.code === OBJECT_IN_USE);
      if (!inUse) throw error;
      if (performance.now() >= until) throw error instanceof SlotInUse ? error : new SlotInUse(slot, error);
    }
    await sleep(RETRY_EVERY, undefined, { signal: wait.signal });
  }
}
