/**
 * A transaction that has been taken in whole but is not in the lake yet. Its commit LSN and its actors stand in every row
 * and are known only at its end, so it waits: in memory, or beyond a budget in a local file. A crash drops the file,
 * and the source, which was told nothing, sends the transaction again.
 */
import type { CommitEnd, SourceEpoch, Transaction } from '#libs/change-event';
import { Attribution } from './attribution.js';
import { Spool } from './spool.js';
import { stageChange, type StagedChange } from './staged-change.js';

export interface StagedTransaction {
  readonly txId: string;
  readonly opens?: SourceEpoch;
  readonly end: CommitEnd;
  readonly attribution: Attribution;
  /** How many changes; their total size in memory, in characters (0 when spooled). */
  readonly count: number;
  readonly size: number;
  /** In order, in chunks; to be read once. */
  chunks(): AsyncIterable<readonly StagedChange[]> | Iterable<readonly StagedChange[]>;
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
  const attribution = new Attribution(header.opens ? undefined : staging.eventTable);
  const spool = new Spool(staging.spoolFolder);
  let chunks: StagedChange[][] = [];
  let [count, size] = [0, 0];
  try {
    for await (const changes of transaction.changes) {
      const staged = changes.map((change) => {
        attribution.collect(change);
        return stageChange(change);
      });
      chunks.push(staged);
      count += staged.length;
      size += staged.reduce((sum, { before, after }) => sum + 64 + (before?.length ?? 0) + (after?.length ?? 0), 0);
      if (size <= staging.memoryBudget) continue;
      for (const chunk of chunks) await spool.write(chunk);
      [chunks, size] = [[], 0];
    }
    const end = await transaction.end;
    const spooled = async function* () {
      yield* spool.chunks();
      yield* chunks;
    };
    return {
      txId: header.txId,
      ...(header.opens && { opens: header.opens }),
      ...{ end, attribution, count, size },
      chunks: () => (spool.used ? spooled() : chunks),
      discard: () => spool.discard(),
    };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}
