/** The start of an epoch: a new slot, and all captured tables as they are where it starts. */
import {
  parseLsn,
  type ChangeEvent,
  type CommitEnd,
  type Lsn,
  type SourceEpoch,
  type Transaction,
} from '#libs/change-event';
import { failpoint } from '#libs/failpoints';
import { createSlot, disconnect, dropSlot, publishedTables, type CopiedRow } from '#libs/postgres-replication';
import type pg from 'pg';
import { openSnapshot, readTable } from './exported-snapshot.js';
import { rowKey, type Change } from './row-changes.js';
import { newEpoch } from './slot-epoch.js';
import type { SlotSettings } from './slot-options.js';
import { TransactionCut } from './transaction-delivery.js';

export interface SlotSnapshot {
  readonly epoch: SourceEpoch;
  readonly consistentPoint: Lsn;
  /** Of each table a truncate, then its rows. */
  readonly transaction: Transaction;
  close(): Promise<void>;
}

/** A transaction has an xid; a snapshot has none. */
const NO_XID = '0';

/**
 * `admin` holds the lock on the slot. The old slot is dropped: everything that it still holds is in the snapshot.
 * @throws SlotInUse, TablesRewritten
 */
export async function takeSnapshot(
  admin: pg.Client,
  settings: SlotSettings,
  signal: AbortSignal,
): Promise<SlotSnapshot> {
  const { slot, patience } = settings;
  const { server, consistentPoint, time, reader } = await openSnapshot(admin, settings, signal, async (creator) => {
    await dropSlot(admin, slot, { patience, signal });
    await failpoint('snapshot.before-slot');
    return createSlot(creator, slot);
  });
  const epoch = newEpoch(server, settings, consistentPoint);
  const end = { commitLsn: parseLsn(consistentPoint), committedAt: time };
  const transaction = transactionOf(reader, settings, epoch, end);
  return { epoch, consistentPoint: end.commitLsn, transaction, close: () => disconnect(reader) };
}

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
    const of = published.get(table)!;
    for await (const rows of readTable(reader, table, of, settings.chunk))
      yield rows.map((values) => readChange(table, key, of.columns, values));
  }
}

function readChange(table: string, key: readonly string[], columns: readonly string[], values: CopiedRow): Change {
  const row = Object.fromEntries(columns.map((column, i) => [column, values[i]!]));
  return { table, op: 'r', key: rowKey(table, key, row), after: JSON.stringify(row) };
}
