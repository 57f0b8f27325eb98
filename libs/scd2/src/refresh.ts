/** A reader's refresh: a batch of whole transactions enters the memory. Only the keys that it touches are recomputed. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { keyColumns, type Table } from '#libs/catalog';
import { keyHashSql, memoryTables } from './reader-memory.js';
import { keysOfText, stepsSql } from './steps.js';
import { identifier } from './typing.js';
import { list, stateList } from './version.js';

export interface RefreshBatch {
  /** Changes of one table, all later than those that the memory holds (columns as in `BatchSource`). */
  readonly changes: string;
  readonly truncated: boolean;
  /** `key_hash` of every key in `changes`, while these are few enough for an index: the open rows are looked up by them. */
  readonly touched?: readonly bigint[];
}

/** Statements, for one transaction, that apply the batch by SQL. */
export function refreshSql(table: Table, { changes, truncated, touched }: RefreshBatch): string[] {
  const { tail, closing, open, unknown } = memoryTables(table);
  const steps = identifier(`${table.table}_steps`);
  const source = {
    changes,
    open: touched?.length && !truncated ? `(SELECT * FROM ${open} WHERE key_hash IN (${touched.join(', ')}))` : open,
    rest: `(SELECT * FROM ${unknown} UNION ALL SELECT * FROM ${tail})`,
    closing,
    truncated,
  };
  return [
    `CREATE OR REPLACE TEMP TABLE ${steps} AS ${stepsSql(table, source)}`,
    `INSERT INTO ${closing} SELECT position, closed_tx, valid_to FROM ${steps} WHERE closed_tx IS NOT NULL`,
    `INSERT INTO ${tail} SELECT ${stateList(table)}, ${keyHashSql(table)} FROM ${steps} WHERE NOT known`,
  ];
}

/** Above this many keys a semi join over the open rows is as fast as the index. */
const indexedKeys = 1000;

/**
 * Applies the batch to the table's memory. The caller's transaction makes it visible.
 * `changes` are whole transactions, all later than what the memory holds, read more than once.
 */
export async function refresh(connection: DuckDBConnection, table: Table, batch: { changes: string }): Promise<void> {
  const keyed = keysOfText(table, `(SELECT key FROM ${batch.changes} WHERE op <> 't')`);
  const reader = await connection.runAndReadAll(
    `SELECT DISTINCT ${keyHashSql(table)} FROM (SELECT ${list(keyColumns(table))} FROM (${keyed}))
     UNION ALL SELECT NULL FROM ${batch.changes} WHERE op = 't'`,
  );
  const hashes = reader.getRows().map(([hash]) => hash as bigint | null);
  const touched = hashes.filter((hash) => hash !== null);
  const truncated = touched.length < hashes.length;
  if (hashes.length === 0) return;
  const few = touched.length <= indexedKeys ? { touched } : {};
  for (const sql of refreshSql(table, { changes: batch.changes, truncated, ...few })) await connection.run(sql);
}
