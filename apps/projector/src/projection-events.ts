import type { Appended } from './append/changelog-appender.js';
import type { TransactionStamp } from './append/changelog-file.js';
import type { Folded } from './folding/fold.js';

/** What happens in a projection, for whoever drives, logs and counts it. */
export interface ProjectionEvents {
  readonly appended: (appended: Appended) => void;
  readonly folded: (folded: Folded) => void;
  /** Folding goes on trying; appending goes on. */
  readonly foldFailed: (error: Error) => void;
  /** Upkeep goes on trying; nothing depends on it soon. */
  readonly upkeepFailed: (error: Error) => void;
  readonly suspiciousClock: (stamp: TransactionStamp) => void;
  /** The projection is over. */
  readonly failed: (error: Error) => void;
}
