import type { CommitEnd } from '#libs/change-event';
import type { ChunkLimits, Message, Pressure } from '#libs/postgres-replication';
import { RowChanges, type Keys } from './row-changes.js';
import { TransactionDelivery } from './transaction-delivery.js';

/**
 * Messages in, transactions out: a small one when it is complete, a large one when its first chunk is. One without a
 * captured change never comes out.
 */
export class TransactionAssembler {
  private open: TransactionDelivery | null = null;
  private handedOut = false;
  private readonly changes: RowChanges;

  constructor(
    keys: Keys,
    private readonly limits: ChunkLimits,
    private readonly pressure: Pressure,
    private readonly handOut: (transaction: TransactionDelivery) => void,
  ) {
    this.changes = new RowChanges(keys);
  }

  take(message: Message, bytes: number): void {
    if (message.type === 'begin') this.begin(message.xid);
    else if (message.type === 'commit') this.commit({ commitLsn: message.endLsn, committedAt: message.committedAt });
    else this.change(message, bytes);
  }

  private begin(xid: number): void {
    this.open = new TransactionDelivery({ txId: String(xid) }, this.limits, this.pressure);
    this.handedOut = false;
  }

  private change(message: Exclude<Message, { type: 'begin' | 'commit' }>, bytes: number): void {
    const changes = this.changes.of(message);
    changes.forEach((change, i) => this.open!.push(change, i === 0 ? bytes : 0));
    if (!this.handedOut && this.open!.changes.ready) this.hand(this.open!);
  }

  private commit(end: CommitEnd): void {
    const transaction = this.open!;
    this.open = null;
    if (transaction.empty) return;
    transaction.finish(end);
    if (!this.handedOut) this.hand(transaction);
  }

  private hand(transaction: TransactionDelivery): void {
    this.handedOut = true;
    this.handOut(transaction);
  }
}
