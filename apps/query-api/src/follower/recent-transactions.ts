import type { DuckDBConnection } from '@duckdb/node-api';
import { changelogTags, parquet } from '#libs/lake';
import { appliedTransactions, type AppliedTransaction } from './applied-transactions.js';
import type { FollowedLake } from './followed-lake.js';

/** Microseconds before the lake's last transaction. What is older than that, the watermark vouches for. */
const recent = 45_000_000n;

/**
 * The last transactions, also folded ones, of which a starting reader would otherwise load nothing: their tokens must not
 * wait until the watermark is past every command's time-out.
 */
export async function recentTransactions(lake: FollowedLake, duckdb: DuckDBConnection): Promise<AppliedTransaction[]> {
  const { effectiveAt } = lake.tip;
  if (effectiveAt === null) return [];
  const since = effectiveAt - recent;
  const files = [...lake.changelogFiles]
    .filter(({ tags }) => BigInt(tags![changelogTags.lastEffectiveAt]!) >= since)
    .map(({ path }) => `${lake.changelogFolder}/${path}`);
  if (files.length === 0) return [];
  const rows = `(SELECT * FROM ${parquet(files)} WHERE effective_at >= make_timestamptz(${since}))`; // a merged file is long
  return appliedTransactions(duckdb, rows);
}
