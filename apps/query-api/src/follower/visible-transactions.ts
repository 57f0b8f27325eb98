import type { ConsistencyToken } from '#libs/consistency-token';
import { parseLsn, type SourceEpoch } from '#libs/change-event';
import type { Watermark } from '#libs/lake';
import type { AppliedTransaction } from './applied-transactions.js';

/** How long a command may run after its token was issued: command-api's `transaction_timeout`, microseconds. */
const transactionTimeout = 30_000_000n;

/** How many transactions are remembered one by one; older ones are known by the watermark. */
const remembered = 500_000;

/** Knows which commands answers show already, by the token that each command answered with. */
export class VisibleTransactions {
  /** Low 32 bits of the xid → LSN of its commit, oldest first; of one source, since in another both mean nothing. */
  private readonly commits = new Map<string, number>();
  private epoch: SourceEpoch | null = null;

  /** `epoch`: JSON of the one in force after these transactions; null in a lake that has seen no snapshot. */
  apply(transactions: readonly AppliedTransaction[], epoch: string | null): void {
    const before = this.epoch;
    this.epoch = epoch === null ? null : (JSON.parse(epoch) as SourceEpoch);
    const same = before !== null && this.epoch !== null && isSameSource(before, this.epoch);
    if (!same) this.commits.clear();
    for (const { txId, commitLsn } of same ? transactions : sinceOpening(transactions, this.epoch)) {
      this.commits.delete(txId);
      this.commits.set(txId, commitLsn);
    }
    for (const txId of this.commits.keys()) {
      if (this.commits.size <= remembered) break;
      this.commits.delete(txId);
    }
  }

  /**
   * True once everything that the token's command wrote is applied: its own transaction was (an xid's low 32 bits may
   * repeat, an LSN does not), or the lake is complete up to the token's LSN and past the time by which the command had
   * ended, or a later life of the source was snapshotted.
   */
  shows(token: ConsistencyToken, watermark: Watermark | null): boolean {
    const lsn = parseLsn(token.lsn);
    const own = this.epoch !== null && isSameSource(token, this.epoch);
    const commitLsn = own ? this.commits.get(String(BigInt(token.xid) & 0xffff_ffffn)) : undefined;
    if (commitLsn !== undefined && commitLsn >= lsn) return true;
    if (!watermark || watermark.source_time <= microseconds(token.issued_at) + transactionTimeout) return false;
    return !isSameSource(token, JSON.parse(watermark.epoch) as SourceEpoch) || watermark.lsn >= lsn;
  }
}

type Source = Pick<SourceEpoch, 'system_identifier' | 'timeline' | 'database'>;

/** LSNs and xids compare, also over several epochs. */
const isSameSource = (a: Source, b: Source): boolean =>
  a.system_identifier === b.system_identifier && a.timeline === b.timeline && a.database === b.database;

/** What comes before the epoch's snapshot may be of another source. */
function sinceOpening(
  transactions: readonly AppliedTransaction[],
  epoch: SourceEpoch | null,
): readonly AppliedTransaction[] {
  const opened = epoch && parseLsn(epoch.consistent_point);
  const opening = transactions.findLastIndex(({ read, commitLsn }) => read && commitLsn === opened);
  return transactions.slice(Math.max(0, opening));
}

/** `2026-03-01T08:00:00.123456Z` in microseconds since 1970. */
const microseconds = (instant: string): bigint =>
  BigInt(Date.parse(`${instant.slice(0, 19)}Z`)) * 1000n + BigInt(instant.slice(20, 26));
