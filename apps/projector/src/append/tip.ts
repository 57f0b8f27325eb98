import type { SourceEpoch } from '#libs/change-event';
import type { Snapshot } from '#libs/delta-log';
import { appIds, configuration } from '#libs/lake';

/** The end of the changelog. */
export interface Tip {
  /** Last position; 0 in an empty lake. Positions begin at 1. */
  readonly position: number;
  readonly commitLsn: number;
  /** `effective_at` of the last transaction; microseconds since 1970. */
  readonly effectiveAt: bigint;
  readonly sourceOffset: number | null;
  readonly epoch: SourceEpoch | null;
}

export function tipOf({ transactions, metadata }: Snapshot): Tip {
  const epoch = metadata.configuration[configuration.epoch];
  return {
    position: transactions.get(appIds.position) ?? 0,
    commitLsn: transactions.get(appIds.commitLsn) ?? 0,
    effectiveAt: BigInt(transactions.get(appIds.effectiveAt) ?? 0),
    sourceOffset: transactions.get(appIds.sourceOffset) ?? null,
    epoch: epoch ? (JSON.parse(epoch) as SourceEpoch) : null,
  };
}
