/** What a reader answers from: closed files and its memory as one relation. A fold changes none of these answers. */
import { keyColumns, surrogateKey, type Table } from '#libs/catalog';
import { quarantineAsOfFoldSql } from './quarantine.js';
import { keyHashSql, memoryTables, versionOfOpen } from './reader-memory.js';
import { duckdbType, identifier, literal } from './typing.js';
import { versionColumns } from './version.js';

export interface ViewSource {
  /** Closed version rows; null where none is, or none can matter. */
  readonly closed: string | null;
  /**
   * Texts of one key that DuckDB casts to its values: rows of other keys may be left out, and the memory's are, by its
   * index. Whoever asks filters by the key all the same.
   */
  readonly key?: readonly string[];
}

/** A query for every version: the columns of a version, then `is_current`. */
export function allVersionsSql(table: Table, { closed, ...opened }: ViewSource): string {
  const overlay = overlaySql(table, opened);
  return closed ? `SELECT ${stored(table)}, false AS is_current FROM ${closed}\nUNION ALL ${overlay}` : overlay;
}

/**
 * A query for the versions in force at `position`, a transaction's last (law 2), shown with the end that they had later.
 * Closed rows may be left out (null) where `position` is at or past the fold. Filters in here, unlike those around
 * `allVersionsSql`, reach the files' statistics.
 */
export function asOfSql(table: Table, { closed, ...opened }: ViewSource, position: number): string {
  const [before, after] = [`opened_tx <= ${position}`, `closed_tx > ${position}`];
  const overlay = `${overlaySql(table, opened)} AND o.${before} AND (c.closed_tx IS NULL OR c.${after})`;
  if (!closed) return overlay;
  return `SELECT ${stored(table)}, false AS is_current FROM ${closed} WHERE ${before} AND ${after}\nUNION ALL ${overlay}`;
}

/** A query for the versions that are in force now. */
export function currentSql(table: Table, opened: Opened = {}): string {
  const columns = versionOfOpen(table, (name, type) => `NULL::${type} AS ${name}`);
  return `SELECT ${columns}, true AS is_current FROM ${openedSql(table, 'ANTI', opened)}`;
}

/** A query for every quarantine interval: the columns of the lake's quarantine. */
export function quarantinedSql(table: Table, files: { quarantine: string; foldPosition: number }): string {
  const { open, closing } = memoryTables(table);
  return `SELECT q."table", q.position, q.key, q.raw, q.opened_tx, q.valid_from,
    coalesce(q.closed_tx, c.closed_tx) AS closed_tx, coalesce(q.valid_to, c.valid_to) AS valid_to, q.actor, q.command
FROM (${quarantineAsOfFoldSql(table, files.quarantine, files.foldPosition)}
  UNION ALL SELECT ${literal(table.table)}, ${identifier(surrogateKey(table))}, key, raw, opened_tx, valid_from,
    NULL, NULL, actor, command
  FROM ${open} WHERE raw IS NOT NULL AND opened_tx > ${files.foldPosition}) AS q LEFT JOIN ${closing} AS c USING (position)`;
}

const stored = (table: Table) => versionColumns(table).map(identifier).join(', ');

type Opened = Pick<ViewSource, 'key'>;

/**
 * What the fold left open and what opened since, as `o`, joined with what closed of it since, as `c`. One level, and no
 * query inside: to plan a level costs as much as to run it.
 */
function openedSql(table: Table, join: 'LEFT' | 'ANTI', { key }: Opened): string {
  const { open, closing } = memoryTables(table);
  const ofKey = key ? ` AND o.key_hash = ${hashOfKey(table, key)}` : '';
  return `${open} AS o ${join} JOIN ${closing} AS c ON c.position = o.${identifier(surrogateKey(table))}
WHERE o.raw IS NULL${ofKey}`;
}

/** Of nothing but literals: an index serves no parameter. */
const hashOfKey = (table: Table, texts: readonly string[]): string =>
  keyHashSql(
    table,
    keyColumns(table).map(({ type }, i) => `TRY_CAST(${literal(texts[i]!)} AS ${duckdbType(type)})`),
  );

function overlaySql(table: Table, opened: Opened): string {
  const columns = versionOfOpen(table, (name) => `c.${name}`);
  return `SELECT ${columns}, c.closed_tx IS NULL AS is_current FROM ${openedSql(table, 'LEFT', opened)}`;
}
