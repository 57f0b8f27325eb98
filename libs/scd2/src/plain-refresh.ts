/** `plainSteps` on a reader's memory: two queries and two appends, in the connection's transaction. */
import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  type DuckDBConnection,
  type DuckDBValue,
} from '@duckdb/node-api';
import { keyColumns, stateColumns, surrogateKey, type Column, type Table } from '#libs/catalog';
import { plainSteps, type KeyChange, type KeyState } from './plain-steps.js';
import { keyHashSql, memoryNames, memoryTables } from './reader-memory.js';
import { keyTextsSql, stateTextsSql } from './steps.js';
import { identifier, typedSql } from './typing.js';

/** Batches of more changes are as fast by SQL. */
const fewChanges = 500;

type Row = readonly DuckDBValue[];

interface Change extends KeyChange {
  readonly keyHash: bigint;
  readonly validFrom: DuckDBValue;
  /** As the tail has it. */
  readonly row: Row;
}

/**
 * Returns false, and has done nothing, if the batch is not for plain code: it has many changes, a truncate, or something
 * that does not type.
 */
export async function plainRefresh(connection: DuckDBConnection, table: Table, batch: string): Promise<boolean> {
  const changes = await typedChanges(connection, table, batch);
  if (!changes) return false;
  if (changes.length === 0) return true;
  const visible = await visibleStates(connection, table, new Set(changes.map(({ keyHash }) => keyHash)));
  const { opened, closed } = plainSteps(visible, changes);
  const { tail, closing } = memoryNames(table);
  const ends = closed.map(({ position, by }) => [position, by.transaction, by.validFrom]);
  await append(
    connection,
    tail,
    opened.map(({ row }) => row),
  );
  await append(connection, closing, ends);
  return true;
}

async function typedChanges(connection: DuckDBConnection, table: Table, batch: string): Promise<Change[] | null> {
  const rows = await rowsOf(connection, typedRowsSql(table, `(SELECT * FROM ${batch} LIMIT ${fewChanges + 1})`));
  if (rows.length > fewChanges) return null;
  const changes: Change[] = [];
  for (const row of rows) {
    const change = changeOf(table, row);
    if (!change) return null;
    changes.push(change);
  }
  return changes.sort((a, b) => (a.position < b.position ? -1 : 1));
}

/** Per change `op` and how many texts its state has (NULL without a state), then the row that the tail would have. */
function typedRowsSql(table: Table, changes: string): string {
  const typed = (list: string, columns: readonly Column[]) =>
    columns.map(({ name, type }, i) => [name, typedSql(`${list}[${i + 1}]`, type)] as const);
  const keys = typed('key_texts', keyColumns(table));
  const values = new Map([...keys, ...typed('texts', stateColumns(table))]);
  const keyHash = keyHashSql(
    table,
    keys.map(([, sql]) => sql),
  );
  return `SELECT op, list_count(texts), position, ${table.columns.map(({ name }) => values.get(name)).join(', ')},
    effective_at, NULL, tx_position, NULL, actor, command, NULL, key, NULL, ${keyHash}
  FROM (SELECT *, ${keyTextsSql(table)} AS key_texts, ${stateTextsSql(table)} AS texts FROM ${changes})`;
}

/** null for what does not type, and so for a truncate, which has no key. */
function changeOf(table: Table, [op, texts, ...row]: Row): Change | null {
  const { columns } = table;
  const [validFrom, , transaction] = row.slice(1 + columns.length) as DuckDBValue[];
  const { key, state } = partsOf(table, row.slice(1, 1 + columns.length));
  const absent = op === 'd';
  const typed = BigInt(state.filter((value) => value !== null).length);
  if (key.includes(null) || (!absent && typed !== texts)) return null;
  return {
    position: row[0] as bigint,
    identity: JSON.stringify(key),
    state: absent ? null : JSON.stringify(state),
    transaction: transaction as bigint,
    keyHash: row.at(-1) as bigint,
    validFrom: validFrom!,
    row,
  };
}

/** What the keys, and any others of their hashes, are before the batch. */
async function visibleStates(connection: DuckDBConnection, table: Table, hashes: Set<bigint>): Promise<KeyState[]> {
  const { tail, closing, open } = memoryTables(table);
  const columns = [surrogateKey(table), ...table.columns.map(({ name }) => name)].map(identifier).join(', ');
  const touched = `key_hash IN (${[...hashes].join(', ')})`;
  const rows = await rowsOf(
    connection,
    `SELECT false, ${columns} FROM ${open} WHERE ${touched}
     UNION ALL SELECT raw IS NOT NULL, ${columns} FROM ${tail} WHERE ${touched}`,
  );
  if (rows.length === 0) return [];
  const positions = rows.map(([, position]) => position as bigint);
  const gone = await rowsOf(connection, `SELECT position FROM ${closing} WHERE position IN (${positions.join(', ')})`);
  const closed = new Set(gone.map(([position]) => position));
  return rows
    .filter(([, position]) => !closed.has(position!))
    .map(([unknown, position, ...business]) => {
      const { key, state } = partsOf(table, business);
      const text = unknown ? 'unknown' : JSON.stringify(state);
      return { position: position as bigint, identity: JSON.stringify(key), state: text };
    });
}

/** Key and state of business columns, in catalog order. */
function partsOf({ key, columns }: Table, business: Row): { key: unknown[]; state: unknown[] } {
  const part = (ofKey: boolean) => business.filter((_, i) => key.includes(columns[i]!.name) === ofKey).map(exact);
  return { key: part(true), state: part(false) };
}

/** A form that is equal exactly where DuckDB's values of one type are: no decimal becomes a float, no instant a Date. */
function exact(value: DuckDBValue): unknown {
  if (value instanceof DuckDBDecimalValue) return String(value.value);
  if (value instanceof DuckDBTimestampTZValue) return String(value.micros);
  if (value instanceof DuckDBDateValue) return value.days;
  return typeof value === 'bigint' ? String(value) : value;
}

async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Row[]> {
  return (await connection.runAndReadAll(sql)).getRows();
}

/** Appends in the connection's transaction, as an INSERT would, without one to be planned. */
async function append(connection: DuckDBConnection, table: string, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  const appender = await connection.createAppender(table);
  const types = Array.from({ length: appender.columnCount }, (_, i) => appender.columnType(i));
  for (const row of rows) {
    row.forEach((value, i) => (value === null ? appender.appendNull() : appender.appendValue(value, types[i])));
    appender.endRow();
  }
  appender.closeSync();
}
