/**
 * Ranges of a table's whole typed key, in the order in which DuckDB sorts it: text by its bytes, several columns one after
 * the other. A bound is the text of each key column; what has no lower bound begins before every key.
 */
import { keyColumns, type Table } from '#libs/catalog';
import { duckdbType, identifier, literal } from './typing.js';
import { list } from './version.js';

export type KeyTexts = readonly string[];

export interface KeyRange {
  /** The first key that may be in it. */
  readonly from: KeyTexts | null;
  /** The first key after it. */
  readonly to: KeyTexts | null;
}

/** A condition on the key columns of rows whose keys type, for an SQL WHERE. */
export function keyInRangeSql(table: Table, { from, to }: KeyRange): string {
  const conditions = [...(from ? [boundSql(table, '>', from)] : []), ...(to ? [boundSql(table, '<', to)] : [])];
  return conditions.length > 0 ? conditions.join(' AND ') : 'true';
}

/** The same for rows with `stray`: a key that does not type is in the first range. */
export function keyOrStrayInRangeSql(table: Table, range: KeyRange): string {
  const typed = `stray IS NULL AND ${keyInRangeSql(table, range)}`;
  return range.from ? typed : `(stray IS NOT NULL OR (${typed}))`;
}

/** A query for keys of version files and of keyed changes, those that lie in the range. */
export function keysIn(
  table: Table,
  range: KeyRange,
  { paths, changes }: { paths: readonly string[]; changes: string },
) {
  const keys = list(keyColumns(table));
  const files =
    paths.length > 0 ? `SELECT ${keys} FROM read_parquet([${paths.map(literal).join(', ')}]) UNION ALL ` : '';
  return `SELECT ${keys} FROM (${files}SELECT ${keys} FROM ${changes} WHERE op <> 't' AND stray IS NULL)
  WHERE ${keyInRangeSql(table, range)}`;
}

/** A query for the key texts that part the query `keys` into so many about equal parts; `sampled`: one key of so many. */
export function boundsSql(table: Table, keys: string, { parts, sampled }: { parts: number; sampled: number }): string {
  const [columns, row] = [list(keyColumns(table)), keyRowSql(table)];
  const texts = keyColumns(table).map(({ name }) => `${identifier(name)}::VARCHAR AS ${identifier(name)}`);
  return `SELECT ${texts.join(', ')} FROM (
  SELECT ${columns}, row_number() OVER (ORDER BY ${columns}) - 1 AS scd2_number, count(*) OVER () AS scd2_count
  FROM (SELECT DISTINCT ${columns} FROM (${keys}) WHERE hash(${row}) % ${sampled} = 0))
WHERE scd2_number * ${parts} // scd2_count > (scd2_number - 1) * ${parts} // scd2_count AND scd2_number > 0
ORDER BY scd2_number`;
}

/** A query for the bounds, of ranges that follow one another: `range` from 1 on, and `from_key`, comparable to `keyRowSql`. */
export function rangesSql(table: Table, bounds: readonly KeyTexts[]): string {
  const rows = bounds.map((from) => `row(${typedBound(table, from).join(', ')})`);
  return `SELECT unnest(range(1, ${rows.length + 1})) AS range, unnest([${rows.join(', ')}]) AS from_key`;
}

/** A row's key as one value. */
export const keyRowSql = (table: Table): string => `row(${list(keyColumns(table))})`;

/** The bound is in the range that it begins (`>`, which means "or equal" here), and not in the one that it ends (`<`). */
function boundSql(table: Table, operator: '<' | '>', bound: KeyTexts): string {
  const [keys, values] = [keyColumns(table).map(({ name }) => identifier(name)), typedBound(table, bound)];
  const last = keys.length - 1;
  const final = `${keys[last]} ${operator === '>' ? '>=' : '<'} ${values[last]}`;
  const condition = keys
    .slice(0, last)
    .reduceRight((after, key, i) => `(${key} ${operator} ${values[i]} OR (${key} = ${values[i]} AND ${after}))`, final);
  return last > 0 ? `${keys[0]} ${operator}= ${values[0]} AND ${condition}` : condition; // the first: files tell its bounds
}

const typedBound = (table: Table, bound: KeyTexts): string[] =>
  keyColumns(table).map(({ type }, i) => `${literal(bound[i]!)}::${duckdbType(type)}`);
