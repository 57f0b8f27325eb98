/**
 * What did not type (law 9): one lake table for all source tables, published anew for a source table by each of its folds
 * that changes it, and before the fold itself. After a crash between the two it is ahead of the fold, so whoever reads it
 * does so as of the fold's position: what opened later is not there yet, and what closed later is still open.
 */
import type { Table } from '#libs/catalog';
import { keysOfText } from './steps.js';
import { duckdbType, literal } from './typing.js';
import { emptySql, packed, stateList } from './version.js';

/** The quarantine's columns and their DuckDB types, in the order of the lake. */
const quarantineTypes: Readonly<Record<string, string>> = {
  table: 'VARCHAR',
  position: 'BIGINT',
  key: 'VARCHAR',
  raw: 'VARCHAR',
  opened_tx: 'BIGINT',
  valid_from: 'TIMESTAMPTZ',
  closed_tx: 'BIGINT',
  valid_to: 'TIMESTAMPTZ',
  actor: 'VARCHAR',
  command: 'VARCHAR',
};

/** A relation for a quarantine that has no file yet. */
export const noQuarantineSql = (): string => emptySql(quarantineTypes);

/** The intervals of `table` as they stood at the fold. */
export function quarantineAsOfFoldSql(table: Table, quarantine: string, foldPosition: number): string {
  return `SELECT "table", position, key, raw, opened_tx, valid_from,
    CASE WHEN closed_tx <= ${foldPosition} THEN closed_tx END AS closed_tx,
    CASE WHEN closed_tx <= ${foldPosition} THEN valid_to END AS valid_to, actor, command
  FROM ${quarantine} WHERE "table" = ${literal(table.table)} AND opened_tx <= ${foldPosition}`;
}

/** The states that were unknown at the fold, shaped as `rest` of a batch. */
export function openQuarantineSql(table: Table, quarantine: string, foldPosition: number): string {
  const open = `(SELECT * FROM (${quarantineAsOfFoldSql(table, quarantine, foldPosition)}) WHERE closed_tx IS NULL)`;
  const state = packed(table, 'raw', ({ type }) => `NULL::${duckdbType(type)}`);
  return `SELECT ${stateList(table)} FROM (SELECT *, ${state} AS state FROM (${keysOfText(table, open)}))`;
}
