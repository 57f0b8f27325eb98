import type { CommitEnd } from '#libs/change-event';
import type { Progress, Receiver } from './change-source.js';
import { TransactionDelivery } from './transaction-delivery.js';

export interface DeliveryObserver {
  accepted(end: CommitEnd): void;
  /** Announced to the receiver, after everything before it was accepted. */
  announced(progress: Progress): void;
  /** The receiver keeps it. */
  kept(progress: Progress): void;
  /** The receiver refused. */
  refused(error: Error): void;
}

/**
 * Hands transactions and progress to the receiver in the order of their coming, one at a time; the first of an empty
 * queue at once, without a turn of the event loop.
 */
export class DeliveryQueue {
  private readonly items: (TransactionDelivery | Progress)[] = [];
  private running: Promise<void> | null = null;
  private current: TransactionDelivery | null = null;
  private closed = false;

  constructor(
    private readonly receiver: Receiver,
    private readonly observer: DeliveryObserver,
  ) {}

  push(item: TransactionDelivery | Progress): void {
    if (this.closed) return;
    this.items.push(item);
    if (!this.current) this.run();
  }

  /** Nothing more is delivered but the rest of a complete transaction; resolves when nothing is under way. */
  async close(cause: Error): Promise<void> {
    this.closed = true;
    this.items.length = 0;
    this.current?.cut(cause);
    await this.running;
  }

  private run(): void {
    while (!this.current) {
      const item = this.items.shift();
      if (!item) return;
      if (item instanceof TransactionDelivery) this.deliver(item);
      else this.announce(item);
    }
  }

  private deliver(transaction: TransactionDelivery): void {
    this.current = transaction;
    this.running = this.untilAccepted(transaction).then((end) => {
      this.current = null;
      if (end) this.observer.accepted(end);
      this.run();
    });
  }

  /** null if it was cut off or refused. */
  private async untilAccepted(transaction: TransactionDelivery): Promise<CommitEnd | null> {
    try {
      await this.receiver.deliver(transaction);
      transaction.changes.skip();
      return await transaction.end;
    } catch (error) {
      // a receiver that fails because the transaction was cut off fails rightly
      if (!transaction.wasCut) this.refuse(error as Error);
      return null;
    }
  }

  private announce(progress: Progress): void {
    try {
      const kept = this.receiver.progress(progress);
      this.observer.announced(progress);
      if (!kept) return this.observer.kept(progress);
      kept.then(
        () => this.observer.kept(progress),
        (error: Error) => this.refuse(error),
      );
    } catch (error) {
      this.refuse(error as Error);
    }
  }

  private refuse(error: Error): void {
    if (this.closed) return;
    this.closed = true;
    this.items.length = 0;
    this.observer.refused(error);
  }
}
