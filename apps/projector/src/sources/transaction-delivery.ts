import type { ChangeEvent, CommitEnd, Transaction, TransactionHeader } from '#libs/change-event';
import { ChunkQueue, type ChunkLimits, type Pressure } from '#libs/postgres-replication';

/** The source was cut off in the middle of a transaction. Forget what came of it: it comes again whole. */
export class TransactionCut extends Error {
  readonly code = 'transaction-cut';
  constructor(
    readonly txId: string,
    cause?: unknown,
  ) {
    super(`Transaction ${txId} was cut off before its commit. It comes again, whole.`, { cause });
    this.name = 'TransactionCut';
  }
}

/** A transaction that is filled on one side while it is taken on the other. */
export class TransactionDelivery implements Transaction {
  readonly changes: ChunkQueue<ChangeEvent>;
  private readonly ending = Promise.withResolvers<CommitEnd>();
  private commit: CommitEnd | null = null;
  private ordinal = 0;
  private cutOff = false;

  constructor(
    readonly header: TransactionHeader,
    limits: ChunkLimits,
    pressure: Pressure,
  ) {
    this.changes = new ChunkQueue(limits, pressure, () => this.ending.resolve(this.commit!));
    this.ending.promise.catch(() => {}); // who takes the changes meets the same error there
  }

  get end(): Promise<CommitEnd> {
    return this.ending.promise;
  }

  get empty(): boolean {
    return this.ordinal === 0;
  }

  /** Whether it can only come again. */
  get wasCut(): boolean {
    return this.cutOff;
  }

  push({ table, op, key, before, after }: Omit<ChangeEvent, 'ordinal'>, bytes: number): void {
    this.changes.push({ ordinal: this.ordinal++, table, op, key, before, after }, bytes);
  }

  finish(commit: CommitEnd): void {
    this.commit = commit;
    this.changes.end();
  }

  /** Nothing, if it is complete: then it can be taken to its end. */
  cut(cause: Error): void {
    if (this.commit || this.cutOff) return;
    this.cutOff = true;
    const error = new TransactionCut(this.header.txId, cause);
    this.changes.fail(error);
    this.ending.reject(error);
  }
}
