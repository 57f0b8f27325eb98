import type { ConsistencyToken } from '#libs/consistency-token';
import { parseLsn, type SourceEpoch } from '#libs/change-event';
import type { Watermark } from '#libs/lake';
import type { AppliedTransaction } from './lake-memory.js';

/** How long a command may run after its token was issued: command-api's `transaction_timeout`, microseconds. */
const transactionTimeout = 30_000_000n;

/** How many transactions are remembered one by one; older ones are known by the watermark. */
const remembered = 500_000;

/** Knows which commands answers show already, by the token that each command answered with. */
export class VisibleTransactions {
  /** Low 32 bits of the xid → LSN of its commit, oldest first. */
  private readonly commits = new Map<string, number>();

  apply(transactions: readonly AppliedTransaction[]): void {
    for (const { txId, commitLsn } of transactions) {
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
    const past = watermark !== null && watermark.source_time > microseconds(token.issued_at) + transactionTimeout;
    const sameSource = !watermark || isOfEpoch(token, JSON.parse(watermark.epoch) as SourceEpoch);
    if (!sameSource) return past;
    const commitLsn = this.commits.get(String(BigInt(token.xid) & 0xffff_ffffn));
    const lsn = parseLsn(token.lsn);
    return (commitLsn !== undefined && commitLsn >= lsn) || (past && watermark.lsn >= lsn);
  }
}

const isOfEpoch = (token: ConsistencyToken, epoch: SourceEpoch): boolean =>
  token.system_identifier === epoch.system_identifier &&
  token.timeline === epoch.timeline &&
  token.database === epoch.database;

/** `2026-03-01T08:00:00.123456Z` in microseconds since 1970. */
const microseconds = (instant: string): bigint =>
  BigInt(Date.parse(`${instant.slice(0, 19)}Z`)) * 1000n + BigInt(instant.slice(20, 26));
