import {
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  type DuckDBConnection,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { SqlValue } from './reader.js';

/**
 * A value without loss: texts, booleans and small integers as they are, 64-bit integers as bigint, decimals and dates as
 * text, timestamps as bigint microseconds since 1970.
 */
function sqlValue(value: DuckDBValue): SqlValue {
  if (value instanceof DuckDBTimestampTZValue) return value.micros;
  if (value instanceof DuckDBDecimalValue || value instanceof DuckDBDateValue) return value.toString();
  if (value === null || typeof value !== 'object') return value;
  throw new TypeError(`no codec for the DuckDB value ${String(value)}`);
}

export async function readRows(
  connection: DuckDBConnection,
  sql: string,
  parameters: readonly SqlValue[] = [],
): Promise<Record<string, SqlValue>[]> {
  const reader = await connection.runAndReadAll(sql, [...parameters]);
  const names = reader.columnNames();
  return reader
    .getRows()
    .map((row) => Object.fromEntries(row.map((value, column) => [names[column]!, sqlValue(value)])));
}
