import type { Lsn } from '#libs/change-event';

export interface InitialPositions {
  /** End of the last transaction that was taken. */
  readonly accepted: Lsn;
  /** End of the last one that is on disk. */
  readonly durable: Lsn;
  /** Up to where the slot may have been acknowledged; null if that is not known. */
  readonly acknowledged: Lsn | null;
}

/**
 * How far a slot was delivered, kept and acknowledged.
 *
 * Acknowledged is a commit's end once it is durable. Past that, where nothing is in flight, it is the last progress that
 * the receiver keeps, if everything that came before it is durable too: so an idle or unpublished workload never pins the
 * log, and the slot is never ahead of what the lake knows.
 */
export class SlotPositions {
  private lastAccepted: Lsn;
  private durableTo: Lsn;
  private told: Lsn | null;
  private kept: { readonly lsn: Lsn; readonly after: Lsn };

  constructor({ accepted, durable, acknowledged }: InitialPositions) {
    this.lastAccepted = accepted;
    this.durableTo = durable;
    this.told = acknowledged;
    this.kept = { lsn: durable, after: durable };
  }

  /** What came up to here does not come again while this process runs. */
  get accepted(): Lsn {
    return this.lastAccepted;
  }

  /** Never falls. null as long as it is not known. */
  get acknowledged(): Lsn | null {
    return this.told;
  }

  /** The slot says how far it was acknowledged: believed if nothing else is known. */
  confirmed(lsn: Lsn): void {
    this.told ??= lsn;
    this.tell();
  }

  accept(commitLsn: Lsn): void {
    this.lastAccepted = commitLsn;
  }

  durable(commitLsn: Lsn): void {
    this.durableTo = Math.max(this.durableTo, commitLsn);
    this.tell();
  }

  /** The receiver keeps a progress that was announced when `after` was the last accepted. */
  keep(lsn: Lsn, after: Lsn): void {
    this.kept = { lsn, after };
    this.tell();
  }

  private tell(): void {
    if (this.told === null) return;
    const { lsn, after } = this.kept;
    this.told = Math.max(this.told, this.durableTo, this.durableTo >= after ? lsn : 0);
  }
}
