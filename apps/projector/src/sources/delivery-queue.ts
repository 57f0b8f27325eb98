import type { CommitEnd, Transaction } from '#libs/change-event';
import { TransactionDelivery } from './transaction-delivery.js';

export interface QueueOutcome {
  accepted(end: CommitEnd): void;
  /** The receiver failed: nothing is delivered any more. */
  refused(error: Error): void;
}

/** Something to do when everything that was queued before it has been accepted. */
export type Mark = () => void;

/**
 * Hands transactions to the receiver in the order of their coming, one at a time; the first of an empty queue at once,
 * without a turn of the event loop.
 */
export class DeliveryQueue {
  private readonly items: (TransactionDelivery | Mark)[] = [];
  private state: 'held' | 'open' | 'closed' = 'held';
  private current: TransactionDelivery | null = null;
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly deliver: (transaction: Transaction) => Promise<void>,
    private readonly outcome: QueueOutcome,
  ) {}

  push(item: TransactionDelivery | Mark): void {
    if (this.state === 'closed') return;
    this.items.push(item);
    this.run();
  }

  /** Delivers from now on. */
  open(): void {
    this.state = 'open';
    this.run();
  }

  /** Nothing more is delivered but the rest of a complete transaction; resolves when nothing is under way. */
  async close(cause: Error): Promise<void> {
    this.state = 'closed';
    this.items.length = 0;
    this.current?.cut(cause);
    await this.running;
  }

  private run(): void {
    while (this.state === 'open' && !this.current) {
      const item = this.items.shift();
      if (!item) return;
      if (item instanceof TransactionDelivery) this.running = this.handOver(item);
      else this.reach(item);
    }
  }

  private async handOver(transaction: TransactionDelivery): Promise<void> {
    this.current = transaction;
    try {
      await this.deliver(transaction);
      transaction.changes.skip();
      this.outcome.accepted(await transaction.end);
    } catch (error) {
      // a receiver that fails because the transaction was cut off fails rightly
      if (!transaction.wasCut) this.refuse(error as Error);
    }
    this.current = null;
    this.run();
  }

  private reach(mark: Mark): void {
    try {
      mark();
    } catch (error) {
      this.refuse(error as Error);
    }
  }

  private refuse(error: Error): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.items.length = 0;
    this.outcome.refused(error);
  }
}
