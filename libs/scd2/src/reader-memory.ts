/**
 * What a reader keeps of a table beside the files, so that a query need not compute versions:
 *
 *   <table>_tail     states that opened since the fold
 *   <table>_closing  what closed since the fold, files' rows and tail's alike: position, closed_tx, valid_to
 *   <table>_open     the version rows that the fold left open
 *   <table>_unknown  the same of its quarantine, shaped as states
 *
 * Between folds tail and closing only grow and the others stand still: a refresh is two inserts. A fold becoming visible
 * moves rows from one to another and changes no answer. `key_hash` leads to a key through one indexable column whatever
 * the key is; it finds candidates, and the whole key decides.
 */
import { keyColumns, surrogateKey, type Table } from '#libs/catalog';
import { openQuarantineSql } from './quarantine.js';
import { identifier } from './typing.js';
import { list, stateList, stateTypes, versionColumns, versionOfState, versionTypes } from './version.js';

export interface MemoryTables {
  readonly tail: string;
  readonly closing: string;
  readonly open: string;
  readonly unknown: string;
}

/** The memory's tables as quoted identifiers. */
export const memoryTables = ({ table }: Table): MemoryTables => ({
  tail: identifier(`${table}_tail`),
  closing: identifier(`${table}_closing`),
  open: identifier(`${table}_open`),
  unknown: identifier(`${table}_unknown`),
});

/** The hash that `key_hash` holds, over columns that have the key's types and names. */
export const keyHashSql = (table: Table): string => `hash(${list(keyColumns(table))})`;

/** Statements that create the memory empty, or empty it. */
export function memoryDdl(table: Table): string[] {
  const { tail, closing, open, unknown } = memoryTables(table);
  const create = (name: string, types: Readonly<Record<string, string>>) =>
    `CREATE OR REPLACE TABLE ${name} (${Object.entries(types)
      .map(([column, type]) => `${identifier(column)} ${type}`)
      .join(', ')})`;
  return [
    create(tail, { ...stateTypes(table), key_hash: 'UBIGINT' }),
    create(closing, { position: 'BIGINT', closed_tx: 'BIGINT', valid_to: 'TIMESTAMPTZ' }),
    create(open, { ...versionTypes(table), key_hash: 'UBIGINT' }),
    create(unknown, { ...stateTypes(table), key_hash: 'UBIGINT' }),
  ];
}

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
  const stored = versionColumns(table).map(identifier).join(', ');
  const states = openQuarantineSql(table, quarantine, foldPosition);
  return [
    `INSERT INTO ${memory.open} SELECT ${stored}, ${keyHashSql(table)} FROM ${open}`,
    `CREATE INDEX ${identifier(`${table.table}_open_key_hash`)} ON ${memory.open} (key_hash)`,
    `INSERT INTO ${memory.unknown} SELECT ${stateList(table)}, ${keyHashSql(table)} FROM (${states})`,
  ];
}

/**
 * Statements, for one transaction, by which the memory takes over that the files are folded up to `foldPosition`. The rows
 * come from the tail: nothing is read again. A version may have gone to the open rows while its closing stays here.
 */
export function forgetSql(table: Table, foldPosition: number): string[] {
  const { tail, closing, open, unknown } = memoryTables(table);
  const closed = `(SELECT position FROM ${closing} WHERE closed_tx <= ${foldPosition})`;
  const opened = `FROM ${tail} AS s WHERE opened_tx <= ${foldPosition} AND position NOT IN ${closed}`;
  const version = versionOfState(table, 's', 'NULL::BIGINT', 'NULL::TIMESTAMPTZ');
  return [
    `DELETE FROM ${open} WHERE ${identifier(surrogateKey(table))} IN ${closed}`,
    `DELETE FROM ${unknown} WHERE position IN ${closed}`,
    `INSERT INTO ${open} SELECT ${version}, s.key_hash ${opened} AND s.state.raw IS NULL`,
    `INSERT INTO ${unknown} SELECT ${stateList(table)}, key_hash ${opened} AND s.state.raw IS NOT NULL`,
    `DELETE FROM ${tail} WHERE opened_tx <= ${foldPosition}`,
    `DELETE FROM ${closing} WHERE closed_tx <= ${foldPosition}`,
  ];
}
