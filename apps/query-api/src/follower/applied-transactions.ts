import type { DuckDBConnection } from '@duckdb/node-api';
import { rowsOf } from '#libs/lake';

/** A transaction that answers show. */
export interface AppliedTransaction {
  /** Low 32 bits of the source's xid. */
  readonly txId: string;
  readonly commitLsn: number;
  /** Its changes are as those of a snapshot: reads and truncates. */
  readonly read: boolean;
}

/** Those of a relation of changelog rows, in order. */
export async function appliedTransactions(duckdb: DuckDBConnection, changes: string): Promise<AppliedTransaction[]> {
  const rows = await rowsOf(
    duckdb,
    `SELECT any_value(tx_id) AS tx_id, any_value(commit_lsn) AS commit_lsn, bool_and(op IN ('r', 't')) AS read
     FROM ${changes} GROUP BY tx_position ORDER BY tx_position`,
  );
  return rows.map(({ tx_id, commit_lsn, read }) => ({
    ...{ txId: tx_id as string, commitLsn: Number(commit_lsn), read: read as boolean },
  }));
}
