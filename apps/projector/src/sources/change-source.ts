import { uncoveredTables, type Lsn, type SourceEpoch, type Transaction } from '#libs/change-event';

/** Where the lake stands: what a source must go on from. */
export interface LakePosition {
  readonly epoch: SourceEpoch;
  /** End LSN of the last transaction in the lake. */
  readonly commitLsn: Lsn;
  /**
   * Up to where the lake is known to be complete beyond its last transaction: `lsn` of the last progress that was kept
   * (the watermark's). A source that was acknowledged further than the lake knows has forgotten something: `position-lost`.
   * Without this, that cannot be told from an acknowledged idle source, and is not checked at start.
   */
  readonly completeLsn?: Lsn;
  readonly sourceOffset?: number;
}

/** The source's word that nothing below `lsn` is still to come but what was delivered before this was said. */
export interface Progress {
  readonly lsn: Lsn;
  /** The server's clock, microseconds since 1970, read just before `lsn` was its insert position. */
  readonly sourceTime: bigint;
}

export interface Receiver {
  /**
   * Whole transactions in commit order, at least once, one delivery at a time. The promise resolves when the transaction
   * is accepted, not when it is durable; withholding it is back-pressure. A rejection stops the source with that error.
   * If `changes` or `end` fails, the transaction was cut off in the middle: forget what came of it, it comes again whole
   * (the rejection is then no reason to stop). Chunks not taken when the promise resolves are skipped.
   */
  deliver(transaction: Transaction): Promise<void>;
  /**
   * Called in order with the deliveries, about every second, and only while no delivery is under way. Resolves when the
   * progress is kept where the next `start` finds it (`LakePosition.completeLsn`). Only then, and once all that came
   * before it is durable, is an idle source told that it may forget up to `lsn`; so `completeLsn` is never behind what was
   * acknowledged. Nothing waits for it.
   */
  progress(progress: Progress): void | Promise<void>;
  /**
   * Called before a snapshot is taken, by a source that nobody else reads now. When it resolves, nothing can come to the lake
   * any more that another reader took from the source before, and may not have kept: what it stands on is about to go.
   */
  claim?(): Promise<void>;
  /** At most once, after `start` resolved: nothing is delivered any more. The error's `code` says what to do. */
  failed(error: Error): void;
}

/** The way from a database's committed changes to here. Acknowledges nothing by itself. */
export interface ChangeSource {
  /**
   * Resolves once streaming. From `null`, or where `resnapshot` asks for it, a new epoch begins: its snapshot is the first
   * transaction delivered (`header.opens`; a truncate of each captured table, then its rows).
   * @throws SourceChanged if the source is not the one that `from` stands in, or the epoch does not cover a table that is
   * captured now. One that is captured no more is no reason to stop.
   */
  start(from: LakePosition | null, receiver: Receiver, options?: { resnapshot?: boolean }): Promise<void>;
  /** Everything up to this commit's end is on disk: the source may forget it. */
  durable(commitLsn: Lsn): void;
  /** Takes no more; resolves when nothing is under way. */
  stop(): Promise<void>;
}

/** Why the source is not the one that the lake stands in. */
export type SourceChange =
  | 'system-replaced'
  | 'timeline-changed'
  | 'database-replaced'
  | 'adapter-changed'
  | 'slot-missing'
  | 'slot-invalidated'
  | 'slot-replaced'
  | 'position-lost'
  | 'snapshot-unfinished'
  | 'topic-missing'
  | 'transaction-incomplete'
  | 'tables-added';

/** Going on would skip or guess. Only a new snapshot (`resnapshot`) leads on. */
export class SourceChanged extends Error {
  readonly code = 'source-changed';
  constructor(
    readonly change: SourceChange,
    detail: string,
  ) {
    super(`${detail} Nothing was skipped; a resnapshot opens a new epoch and keeps the history.`);
    this.name = 'SourceChanged';
  }
}

/** Before an adapter goes on in `epoch`. @throws SourceChanged */
export function refuseUncovered(epoch: SourceEpoch, captured: Iterable<string>): void {
  const added = uncoveredTables(epoch, captured).join(', ');
  if (added === '') return;
  const why = epoch.tables ? 'was taken without' : 'does not say whether it has';
  throw new SourceChanged(
    'tables-added',
    `The catalog captures ${added}, but the lake's last snapshot ${why} what was in there before.`,
  );
}
