/** Thousands of texts handed to a prepared statement as one: it takes 0.3 ms less than a list of them. */
import type { DuckDBPreparedStatement } from '@duckdb/node-api';
import type { Column } from '#libs/catalog';
import { duckdbType, identifier } from './typing.js';

/** What stands between the texts, and what for NULL. */
const [separator, none] = ['\u0001', '\u0002'];

/** Whether a text has one of them. None of Postgres has that a person has entered. */
export const isReserved = (text: string | null): boolean =>
  text !== null && (text.includes(separator) || text.includes(none));

/** Whether one of the texts in a JSON text may have. */
export const isReservedJson = (json: string | null): boolean => json !== null && json.includes('\\u000');

type Texts = readonly (string | null)[];

/** A row each, of one text or more. */
export function bindRows(statement: DuckDBPreparedStatement, rows: readonly Texts[]): void {
  for (const column of rows[0]!.keys())
    statement.bindVarchar(column + 1, rows.map((row) => row[column] ?? none).join(separator));
}

/** A query for rows of the columns' values, from parameters that `bindRows` binds in this order. The texts type. */
export function rowsOfTexts(columns: readonly Pick<Column, 'name' | 'type'>[]): string {
  const texts = columns.map((_, i) => `unnest(string_split($${i + 1}, chr(${separator.charCodeAt(0)}))) AS t${i}`);
  const typed = columns.map(
    ({ name, type }, i) =>
      `TRY_CAST(nullif(t${i}, chr(${none.charCodeAt(0)})) AS ${duckdbType(type)}) AS ${identifier(name)}`,
  );
  return `SELECT ${typed.join(', ')} FROM (SELECT ${texts.join(', ')})`;
}
