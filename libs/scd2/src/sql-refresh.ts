/** The fragment on a reader's memory, for batches of any size and kind. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { keyColumns, type Table } from '#libs/catalog';
import { keyHashSql, memoryTables, openOfState } from './reader-memory.js';
import type { SeenColumns } from './seen-columns.js';
import { keysOfText, stepsSql, type BatchSource } from './steps.js';
import { identifier } from './typing.js';
import { list, noVersionsSql, statesOfVersions } from './version.js';

/** Returns how many changes there were. */
export async function sqlRefresh(
  connection: DuckDBConnection,
  table: Table,
  changes: string,
  columns: SeenColumns,
): Promise<number> {
  const reader = await connection.runAndReadAll(`SELECT count(*), count(*) FILTER (op = 't') FROM ${changes}`);
  const [[count, truncates]] = reader.getRows() as [[bigint, bigint]];
  if (count === 0n) return 0;
  await columns.seeAll(connection, changes);
  const batch = { changes, since: columns.since, truncated: truncates > 0n };
  for (const sql of refreshSql(table, batch)) await connection.run(sql);
  return Number(count);
}

function refreshSql(table: Table, batch: Pick<BatchSource, 'changes' | 'since' | 'truncated'>): string[] {
  const { closing, open } = memoryTables(table);
  const steps = identifier(`${table.table}_steps`);
  const states = statesOfVersions(table, open, { stray: 'stray', key: 'key', raw: 'raw' });
  const visible = batch.truncated ? states : `${states} WHERE key_hash IN (${touchedSql(table, batch.changes)})`;
  const source = { ...batch, open: `(${noVersionsSql(table)})`, rest: `(${visible})`, closing };
  return [
    `CREATE OR REPLACE TEMP TABLE ${steps} AS ${stepsSql(table, source)}`,
    `INSERT INTO ${closing} SELECT position, closed_tx, valid_to FROM ${steps} WHERE closed_tx IS NOT NULL`,
    `INSERT INTO ${open} ${openOfState(table, `(SELECT * FROM ${steps} WHERE NOT known)`)}`,
    `DROP TABLE ${steps}`,
  ];
}

/** The `key_hash` of every key in the changes: of so few that the index serves them, or for a semi join of small integers. */
function touchedSql(table: Table, changes: string): string {
  const keyed = keysOfText(table, `(SELECT key FROM ${changes} WHERE op <> 't')`);
  return `SELECT ${keyHashSql(table)} FROM (SELECT ${list(keyColumns(table))} FROM (${keyed}))`;
}
