/**
 * The start of an epoch: all captured tables as they are at one point of the log, from which on a slot gives what follows.
 *
 * A slot that the lake can go on from stays as it is until the lake has the snapshot, and is then told to forget what came
 * before it: a snapshot that is called off, or whose process dies, leaves an epoch that goes on. Else there is nothing to go
 * on from, and a new slot takes the place of whatever is there.
 */
import { randomBytes } from 'node:crypto';
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
  createSlot,
  createTemporarySlot,
  disconnect,
  dropSlot,
  publishedTables,
  type CopiedRow,
  type ServerIdentity,
} from '#libs/postgres-replication';
import type pg from 'pg';
import { openSnapshot, readTable } from './exported-snapshot.js';
import { rowKey, type Change } from './row-changes.js';
import { SourceChanged } from './change-source.js';
import type { SignOfLife } from './sign-of-life.js';
import { checkEpoch, newEpoch, type Standing } from './slot-epoch.js';
import { snapshotApplication, type SlotSettings } from './slot-options.js';
import { TransactionCut } from './transaction-delivery.js';

export interface SlotSnapshot {
  readonly epoch: SourceEpoch;
  readonly consistentPoint: Lsn;
  /** Of each table a truncate, then its rows. */
  readonly transaction: Transaction;
  /** The slot is the one that the lake stood in, and was acknowledged no further than for that. */
  readonly keepsSlot: boolean;
  close(): Promise<void>;
}

export interface SnapshotOptions {
  readonly signal: AbortSignal;
  /** Where the lake stands; null in one that has seen no snapshot. */
  readonly standing: Standing | null;
  /** Of `admin`. Without it the lock on the slot is lost, and another reader may have taken over. */
  readonly life: SignOfLife;
}

/** A transaction has an xid; a snapshot has none. */
const NO_XID = '0';

/**
 * `admin` holds the lock on the slot.
 * @throws SlotInUse, TablesRewritten
 */
export async function takeSnapshot(
  admin: pg.Client,
  settings: SlotSettings,
  { signal, standing, life }: SnapshotOptions,
): Promise<SlotSnapshot> {
  const { slot, patience } = settings;
  let keepsSlot = false;
  const named = { ...settings, applicationName: snapshotApplication(slot) };
  const { server, consistentPoint, time, reader } = await openSnapshot(admin, named, signal, async (creator, at) => {
    keepsSlot = standing !== null && (await canGoOn(admin, at, slot, standing));
    if (keepsSlot) return life.during(() => createTemporarySlot(creator, temporaryName()));
    await dropSlot(admin, slot, { patience, signal });
    await failpoint('snapshot.before-slot');
    return life.during(() => createSlot(creator, slot));
  });
  const identity = keepsSlot ? standing!.epoch.identity : undefined;
  const epoch = newEpoch(server, settings, consistentPoint, identity);
  const end = { commitLsn: parseLsn(consistentPoint), committedAt: time };
  const transaction = transactionOf(tableChanges(reader, settings), { epoch, end, life });
  return { epoch, consistentPoint: end.commitLsn, transaction, keepsSlot, close: () => disconnect(reader) };
}

async function canGoOn(admin: pg.Client, server: ServerIdentity, slot: string, standing: Standing): Promise<boolean> {
  try {
    await checkEpoch(admin, server, slot, standing);
    return true;
  } catch (error) {
    if (error instanceof SourceChanged) return false;
    throw error;
  }
}

const temporaryName = (): string => `snapshot_${randomBytes(8).toString('hex')}`;

interface Opening extends Pick<SnapshotOptions, 'life'> {
  readonly epoch: SourceEpoch;
  readonly end: CommitEnd;
}

function transactionOf(chunks: AsyncIterable<Change[]>, { epoch, end, life }: Opening): Transaction {
  const ending = Promise.withResolvers<CommitEnd>();
  ending.promise.catch(() => {}); // who takes the changes meets the same error there
  async function* changes(): AsyncGenerator<readonly ChangeEvent[], void> {
    let ordinal = 0;
    try {
      await failpoint('snapshot.begin');
      for await (const chunk of chunks) {
        await failpoint('snapshot.rows');
        yield chunk.map((change) => ({ ordinal: ordinal++, ...change }));
      }
      await life.give();
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
    const of = published.get(table)!;
    for await (const rows of readTable(reader, table, of, settings.chunk))
      yield rows.map((values) => readChange(table, key, of.columns, values));
  }
}

function readChange(table: string, key: readonly string[], columns: readonly string[], values: CopiedRow): Change {
  const row = Object.fromEntries(columns.map((column, i) => [column, values[i]!]));
  return { table, op: 'r', key: rowKey(table, key, row), after: JSON.stringify(row) };
}
