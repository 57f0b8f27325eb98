/**
 * A reader's refresh: a batch of whole transactions enters the memory, and only the keys that it touches are recomputed.
 *
 * Few changes are evaluated in plain code: one query types them, one finds their keys' visible states by `key_hash`, what
 * follows is appended. Many, or a truncate, run the same SQL as a fold.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { plainRefresh } from './plain-refresh.js';
import { sqlRefresh } from './sql-refresh.js';

export interface RefreshBatch {
  /** Whole transactions of one table, all later than what the memory holds (columns as in `BatchSource`). */
  readonly changes: string;
}

/** Applies the batch to the table's memory. It shows when the caller's transaction commits. */
export async function refresh(connection: DuckDBConnection, table: Table, { changes }: RefreshBatch): Promise<void> {
  if (await plainRefresh(connection, table, changes)) return;
  await sqlRefresh(connection, table, changes);
}
