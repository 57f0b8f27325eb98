/**
 * What a reader keeps of a table beside the files, so that a query need not compute versions:
 *
 *   <table>_tail     what opened since the fold, and what was unknown at it: version rows, unknown states with `raw` and `key`
 *   <table>_closing  what closed since the fold, be it in tail or open: position, closed_tx, valid_to
 *   <table>_open     the version rows that the fold left open
 *
 * Between folds tail and closing only grow and open stands still: a refresh is two inserts. A fold becoming visible moves
 * rows from tail to open and changes no answer. `key_hash` leads to a key through one indexable column whatever the key
 * is; it finds candidates, and the whole key decides.
 */
import { surrogateKey, type Table } from '#libs/catalog';
import { openQuarantineSql } from './quarantine.js';
import { identifier, literal } from './typing.js';
import { versionColumns, versionOfState, versionTypes } from './version.js';

export interface MemoryTables {
  readonly tail: string;
  readonly closing: string;
  readonly open: string;
}

/** The memory's tables by their names. */
export const memoryNames = ({ table }: Table): MemoryTables => ({
  tail: `${table}_tail`,
  closing: `${table}_closing`,
  open: `${table}_open`,
});

/** The memory's tables as relations: quoted names. */
export function memoryTables(table: Table): MemoryTables {
  const { tail, closing, open } = memoryNames(table);
  return { tail: identifier(tail), closing: identifier(closing), open: identifier(open) };
}

/** The hash that `key_hash` holds, of columns (or expressions for them) that have the key's types. */
export const keyHashSql = (table: Table, keys: readonly string[] = table.key.map(identifier)): string =>
  `hash(${keys.join(', ')})`;

/** Columns of the tail beside those of a version: a key that does not type, the key's and the state's text where unknown. */
const unknownTypes = { stray: 'VARCHAR', key: 'VARCHAR', raw: 'VARCHAR' };

/** Statements that create the memory empty, or empty it. */
export function memoryDdl(table: Table): string[] {
  const { tail, closing, open } = memoryTables(table);
  const create = (name: string, types: Readonly<Record<string, string>>) =>
    `CREATE OR REPLACE TABLE ${name} (${Object.entries(types)
      .map(([column, type]) => `${identifier(column)} ${type}`)
      .join(', ')})`;
  return [
    create(tail, { ...versionTypes(table), ...unknownTypes, key_hash: 'UBIGINT' }),
    create(closing, { position: 'BIGINT', closed_tx: 'BIGINT', valid_to: 'TIMESTAMPTZ' }),
    create(open, { ...versionTypes(table), key_hash: 'UBIGINT' }),
  ];
}

/** A row of the tail, of a step or another state. */
export const tailOfState = (table: Table, states: string): string =>
  `SELECT ${versionOfState(table, 's')}, s.stray, s.key, s.state.raw, ${keyHashSql(table)} FROM ${states} AS s`;

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
  const unknown = `(${openQuarantineSql(table, quarantine, foldPosition)})`;
  return [
    `INSERT INTO ${memory.open} SELECT ${stored(table)}, ${keyHashSql(table)} FROM ${open}`,
    `INSERT INTO ${memory.tail} ${tailOfState(table, unknown)}`,
    indexSql(table, 'open', 'key_hash'),
    indexSql(table, 'tail', 'key_hash'),
    indexSql(table, 'closing', 'position'),
  ];
}

const indexSql = (table: Table, of: keyof MemoryTables, column: string): string =>
  `CREATE INDEX ${identifier(`${memoryNames(table)[of]}_${column}`)} ON ${memoryTables(table)[of]} (${column})`;

/**
 * Statements, for one transaction, by which the memory takes over that the files are folded up to `foldPosition`. The rows
 * come from the tail: nothing is read again. A version may have gone to the open rows while its closing stays here.
 */
export function forgetSql(table: Table, foldPosition: number): string[] {
  const { tail, closing, open } = memoryTables(table);
  const key = identifier(surrogateKey(table));
  const closed = `(SELECT position FROM ${closing} WHERE closed_tx <= ${foldPosition})`;
  return [
    `DELETE FROM ${open} WHERE ${key} IN ${closed}`,
    `INSERT INTO ${open} SELECT ${stored(table)}, key_hash
     FROM ${tail} WHERE opened_tx <= ${foldPosition} AND raw IS NULL AND ${key} NOT IN ${closed}`,
    `DELETE FROM ${tail} WHERE (opened_tx <= ${foldPosition} AND raw IS NULL) OR ${key} IN ${closed}`,
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

/** A query for one boolean, `worn`: whether more than half of the open rows' table is holes. */
export function wornSql(table: Table): string {
  const { open } = memoryNames(table);
  return `SELECT estimated_size > 2 * (SELECT count(*) FROM ${identifier(open)}) + 10000 AS worn
FROM duckdb_tables() WHERE table_name = ${literal(open)} AND schema_name = current_schema() AND NOT temporary`;
}

const stored = (table: Table) => versionColumns(table).map(identifier).join(', ');
