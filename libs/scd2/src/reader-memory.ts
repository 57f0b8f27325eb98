/**
 * What a reader keeps of a table beside the files, so that a query need not compute versions:
 *
 *   <table>_open     the version rows that the fold left open and those that opened since, without their ends; and the
 *                    unknown states among them, with `raw` and `key`
 *   <table>_closing  which of them closed since the fold: position, closed_tx, valid_to
 *
 * Between folds both only grow: a refresh is two inserts. A fold becoming visible deletes what it put among the closed
 * files, and changes no answer. `key_hash` leads to a key through one indexable column whatever the key is; it finds
 * candidates, and the whole key decides. `state_hash` tells states apart that are not the same without their values being
 * fetched; where it is equal, the values decide. It is NULL where the state is unknown.
 */
import { stateColumns, surrogateKey, type Table } from '#libs/catalog';
import { openQuarantineSql } from './quarantine.js';
import { identifier, literal } from './typing.js';
import { versionColumns, versionOfState, versionTypes } from './version.js';

export interface MemoryTables {
  readonly open: string;
  readonly closing: string;
}

/** The memory's tables by their names. */
const memoryNames = ({ table }: Table): MemoryTables => ({
  open: `${table}_open`,
  closing: `${table}_closing`,
});

/** The memory's tables as relations: quoted names. */
export function memoryTables(table: Table): MemoryTables {
  const { open, closing } = memoryNames(table);
  return { open: identifier(open), closing: identifier(closing) };
}

/** The hash that `key_hash` holds, of columns (or expressions for them) that have the key's types. */
export const keyHashSql = (table: Table, keys: readonly string[] = table.key.map(identifier)): string =>
  `hash(${keys.join(', ')})`;

/** The hash that `state_hash` holds where the state is known, of columns (or expressions for them) that have the state's types. */
export const stateHashSql = (table: Table, values = stateColumns(table).map(({ name }) => identifier(name))): string =>
  values.length > 0 ? `hash(${values.join(', ')})` : '0::UBIGINT';

/** A version's columns that open rows have. */
const ends = new Set(['valid_to', 'closed_tx']);
const openColumns = (table: Table): string[] => versionColumns(table).filter((name) => !ends.has(name));

/** The select list that makes a version's columns of an open row `o`; `end` makes those that it has not. */
export const versionOfOpen = (table: Table, end: (name: string, type: string) => string): string =>
  Object.entries(versionTypes(table))
    .map(([name, type]) => (ends.has(name) ? end(name, type) : `o.${identifier(name)}`))
    .join(', ');

/** Columns beside those of a version: a key that does not type, the key's and the state's text where unknown. */
const unknownTypes = { stray: 'VARCHAR', key: 'VARCHAR', raw: 'VARCHAR' };

/**
 * Statements that create the memory empty, or empty it, and prepare the connection that refreshes it: by itself DuckDB
 * asks an index for 50 values of a semi join at most, and scans a table rather than fetch a thousandth of its rows, which
 * is the cheaper way only from about a two hundredth on.
 */
export function memoryDdl(table: Table): string[] {
  const { closing, open } = memoryTables(table);
  const create = (name: string, types: Readonly<Record<string, string>>) =>
    `CREATE OR REPLACE TABLE ${name} (${Object.entries(types)
      .map(([column, type]) => `${identifier(column)} ${type}`)
      .join(', ')})`;
  const types = Object.fromEntries(Object.entries(versionTypes(table)).filter(([name]) => !ends.has(name)));
  return [
    'SET dynamic_or_filter_threshold = 5000',
    'SET index_scan_percentage = 0.005',
    create(open, { ...types, ...unknownTypes, key_hash: 'UBIGINT', state_hash: 'UBIGINT' }),
    create(closing, { position: 'BIGINT', closed_tx: 'BIGINT', valid_to: 'TIMESTAMPTZ' }),
  ];
}

/** A row of `<table>_open`, of a step or another state. */
export const openOfState = (table: Table, states: string): string =>
  `SELECT ${openColumns(table).map(identifier).join(', ')}, stray, CASE WHEN raw IS NOT NULL THEN key END, raw,
    ${keyHashSql(table)}, CASE WHEN raw IS NULL THEN ${stateHashSql(table)} END FROM (SELECT ${versionOfState(table, 's')}, s.stray, s.key, s.state.raw FROM ${states} AS s)`;

export interface FoldedFiles {
  /** The files' open version rows. */
  readonly open: string;
  /** All rows of the lake's quarantine. */
  readonly quarantine: string;
  /** The position up to which the files are folded. */
  readonly foldPosition: number;
}

/** Statements that fill the empty memory from the files. */
export function loadSql(table: Table, { open, quarantine, foldPosition }: FoldedFiles): string[] {
  const memory = memoryTables(table);
  const stored = openColumns(table).map(identifier).join(', ');
  const unknown = `(${openQuarantineSql(table, quarantine, foldPosition)})`;
  return [
    `INSERT INTO ${memory.open} SELECT ${stored}, NULL, NULL, NULL, ${keyHashSql(table)}, ${stateHashSql(table)}
      FROM ${open}`,
    `INSERT INTO ${memory.open} ${openOfState(table, unknown)}`,
    indexSql(table, 'open', 'key_hash'),
  ];
}

const indexSql = (table: Table, of: keyof MemoryTables, column: string): string =>
  `CREATE INDEX ${identifier(`${memoryNames(table)[of]}_${column}`)} ON ${memoryTables(table)[of]} (${column})`;

/** Statements, for one transaction, by which the memory takes over that the files are folded up to `foldPosition`. */
export function forgetSql(table: Table, foldPosition: number): string[] {
  const { closing, open } = memoryTables(table);
  const closed = `SELECT position FROM ${closing} WHERE closed_tx <= ${foldPosition}`;
  return [
    `DELETE FROM ${open} WHERE ${identifier(surrogateKey(table))} IN (${closed})`,
    `DELETE FROM ${closing} WHERE closed_tx <= ${foldPosition}`,
  ];
}

/**
 * Statements, for one transaction, that write the open rows anew, sorted by key: DuckDB leaves a hole where a row of an
 * indexed table was deleted, so that each fold makes the table longer. Needs the table's memory once more while it runs.
 */
export function compactSql(table: Table): string[] {
  const { open } = memoryTables(table);
  return [
    `CREATE OR REPLACE TABLE ${open} AS SELECT * FROM ${open} ORDER BY ${table.key.map(identifier).join(', ')}`,
    indexSql(table, 'open', 'key_hash'),
  ];
}

/** A query for one number, `changes`: of those in the memory that the fold at `foldPosition` does not have. */
export function unfoldedSql(table: Table, foldPosition: number): string {
  const { open, closing } = memoryTables(table);
  return `SELECT (SELECT count(*) FROM ${open} WHERE opened_tx > ${foldPosition}) + (SELECT count(*) FROM ${closing}) AS changes`;
}

/** A query for one boolean, `worn`: whether more than half of the open rows' table is holes. */
export function wornSql(table: Table): string {
  const { open } = memoryNames(table);
  return `SELECT estimated_size > 2 * (SELECT count(*) FROM ${identifier(open)}) + 10000 AS worn
FROM duckdb_tables() WHERE table_name = ${literal(open)} AND schema_name = current_schema() AND NOT temporary`;
}
