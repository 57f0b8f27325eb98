/**
 * A transaction that has been taken in whole but is not in the lake yet. Its commit LSN and its actors stand in every row
 * and are known only at its end, so it waits: in memory, or beyond a budget in a local file. A crash drops the file,
 * and the source, which was told nothing, sends the transaction again.
 */
import type { ChangeEvent, CommitEnd, SourceEpoch, Transaction } from '#libs/change-event';
import { Testimony, type Attribution } from './attribution.js';
import { sizeOf } from './change-size.js';
import { Spool } from './spool.js';

export interface StagedTransaction {
  readonly txId: string;
  readonly opens?: SourceEpoch;
  readonly end: CommitEnd;
  /** How many changes; their total size in memory, in characters (0 when spooled). */
  readonly count: number;
  readonly size: number;
  /** In order, in chunks. */
  chunks(): AsyncIterable<readonly ChangeEvent[]> | Iterable<readonly ChangeEvent[]>;
  attribution(): Promise<Attribution>;
  discard(): Promise<void>;
}

export interface Staging {
  readonly eventTable: string | undefined;
  /** Characters of one transaction that may stay in memory. */
  readonly memoryBudget: number;
  /** Folder for the spool files. */
  readonly spoolFolder: string;
}

/** Takes a transaction in. Rejects with the source's error when its changes break off; nothing is kept then. */
export async function stage(transaction: Transaction, staging: Staging): Promise<StagedTransaction> {
  const { header } = transaction;
  const testimony = new Testimony(header.opens ? undefined : staging.eventTable);
  const spool = new Spool(staging.spoolFolder);
  let chunks: (readonly ChangeEvent[])[] = [];
  let [count, size] = [0, 0];
  try {
    for await (const changes of transaction.changes) {
      chunks.push(changes);
      count += changes.length;
      for (const change of changes) {
        testimony.collect(change);
        size += sizeOf(change);
      }
      if (size <= staging.memoryBudget) continue;
      for (const chunk of chunks) await spool.write(chunk);
      [chunks, size] = [[], 0];
    }
    const end = await transaction.end;
    const spooled = async function* () {
      yield* spool.chunks();
      yield* chunks;
    };
    const all = () => (spool.used ? spooled() : chunks);
    return {
      txId: header.txId,
      ...(header.opens && { opens: header.opens }),
      ...{ end, count, size },
      chunks: all,
      attribution: () => testimony.attribution(all),
      discard: () => spool.discard(),
    };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}
