/** The fragment on a reader's memory, for batches of any size and kind. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { keyColumns, type Table } from '#libs/catalog';
import { keyHashSql, memoryTables, tailOfState } from './reader-memory.js';
import { keysOfText, stepsSql } from './steps.js';
import { identifier } from './typing.js';
import { list, noVersionsSql, statesOfVersions } from './version.js';

/** Up to this many keys the visible states are looked up by their index before; above, a semi join is as fast. */
const indexedKeys = 1000;

export async function sqlRefresh(
  connection: DuckDBConnection,
  table: Table,
  changes: string,
  keys = indexedKeys,
): Promise<void> {
  const { touched, truncated } = await touchedKeys(connection, table, changes);
  if (touched.length === 0 && !truncated) return;
  const narrow = !truncated && touched.length <= keys ? touched : null;
  for (const sql of refreshSql(table, changes, { narrow, truncated })) await connection.run(sql);
}

async function touchedKeys(connection: DuckDBConnection, table: Table, changes: string) {
  const keyed = keysOfText(table, `(SELECT key FROM ${changes} WHERE op <> 't')`);
  const reader = await connection.runAndReadAll(
    `SELECT DISTINCT ${keyHashSql(table)} FROM (SELECT ${list(keyColumns(table))} FROM (${keyed}))
     UNION ALL SELECT NULL FROM ${changes} WHERE op = 't'`,
  );
  const hashes = reader.getRows().map(([hash]) => hash as bigint | null);
  const touched = hashes.filter((hash) => hash !== null);
  return { touched, truncated: touched.length < hashes.length };
}

/** `narrow`: the `key_hash` of every key in the changes. An index serves a list of literals, and only outside of a join. */
function refreshSql(
  table: Table,
  changes: string,
  { narrow, truncated }: { narrow: readonly bigint[] | null; truncated: boolean },
): string[] {
  const { tail, closing, open } = memoryTables(table);
  const [steps, touched] = [identifier(`${table.table}_steps`), identifier(`${table.table}_touched`)];
  const ofTail = statesOfVersions(table, tail, { stray: 'stray', key: 'key', raw: 'raw' });
  const where = `WHERE key_hash IN (${narrow?.join(', ')})`;
  const visible = narrow ? { open: `(${noVersionsSql(table)})`, rest: touched } : { open, rest: `(${ofTail})` };
  return [
    ...(narrow
      ? [
          `CREATE OR REPLACE TEMP TABLE ${touched} AS ${statesOfVersions(table, open)} ${where} UNION ALL ${ofTail} ${where}`,
        ]
      : []),
    `CREATE OR REPLACE TEMP TABLE ${steps} AS ${stepsSql(table, { changes, ...visible, closing, truncated })}`,
    `INSERT INTO ${closing} SELECT position, closed_tx, valid_to FROM ${steps} WHERE closed_tx IS NOT NULL`,
    `INSERT INTO ${tail} ${tailOfState(table, `(SELECT * FROM ${steps} WHERE NOT known)`)}`,
  ];
}
