/** The changelog as it lies in the lake, transaction by transaction. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { lakeRows } from '#libs/test-lake';

export interface PlacedChange {
  readonly position: number;
  readonly ordinal: number;
  readonly table: string;
  readonly op: string;
  readonly key: string | null;
  readonly after: string | null;
}

export interface PlacedTransaction {
  readonly txId: string;
  readonly commitLsn: number;
  /** Positions of its first and its last change. */
  readonly first: number;
  readonly last: number;
  /** Microseconds since 1970. */
  readonly effectiveAt: bigint;
  readonly changes: readonly PlacedChange[];
}

type ChangelogRow = PlacedChange & { tx_position: number; tx_id: string; commit_lsn: number; effective_at: bigint };

export async function readChangelog(lake: string, duckdb: DuckDBConnection): Promise<PlacedTransaction[]> {
  const rows = (await lakeRows(
    join(lake, 'changelog'),
    duckdb,
    `position::DOUBLE AS position, tx_position::DOUBLE AS tx_position, ordinal::DOUBLE AS ordinal, tx_id,
     commit_lsn::DOUBLE AS commit_lsn, epoch_us(effective_at) AS effective_at, "table", op, key, after`,
  )) as unknown as ChangelogRow[];
  return [...Map.groupBy(rows, ({ tx_position }) => tx_position)].map(([first, changes]) => ({
    ...{ txId: changes[0]!.tx_id, commitLsn: changes[0]!.commit_lsn, effectiveAt: changes[0]!.effective_at },
    ...{ first, last: changes.at(-1)!.position, changes },
  }));
}
