import type { DuckDBConnection } from '@duckdb/node-api';
import { changelogTags, parquet, rowsOf } from '#libs/lake';
import type { FollowedLake } from './followed-lake.js';
import type { AppliedTransaction } from './lake-memory.js';

/** Microseconds before the lake's last transaction. What is older than that, the watermark vouches for. */
const recent = 45_000_000n;

/**
 * The last transactions, also folded ones, of which a starting reader would otherwise load nothing: their tokens must not
 * wait until the watermark is past every command's time-out.
 */
export async function recentTransactions(lake: FollowedLake, duckdb: DuckDBConnection): Promise<AppliedTransaction[]> {
  const { effectiveAt } = lake.tip;
  if (effectiveAt === null) return [];
  const files = [...lake.changelogFiles]
    .filter(({ tags }) => BigInt(tags![changelogTags.lastEffectiveAt]!) >= effectiveAt - recent)
    .map(({ path }) => `${lake.changelogFolder}/${path}`);
  const rows = await rowsOf(
    duckdb,
    `SELECT any_value(tx_id) AS tx_id, any_value(commit_lsn) AS commit_lsn
     FROM ${parquet(files)} GROUP BY tx_position ORDER BY tx_position`,
  );
  return rows.map(({ tx_id, commit_lsn }) => ({ txId: tx_id as string, commitLsn: Number(commit_lsn) }));
}
