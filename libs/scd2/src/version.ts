/**
 * The rows of a table's versions, and the relations that the SQL of this library hands around.
 *
 * Relations given to a function are anything that may stand after FROM (a table's name, `read_parquet(…)`, a SELECT in
 * brackets); what a function returns as a query is a SELECT without brackets. Names that begin with `scd2_` are taken.
 */
import { keyColumns, stateColumns, surrogateKey, type Column, type Table } from '#libs/catalog';
import { duckdbType, identifier } from './typing.js';

/** Names of a version's columns in the order of the lake, without the partition `is_current`. */
export const versionColumns = (table: Table): string[] => Object.keys(versionTypes(table));

/** A version's columns and their DuckDB types, in the order of the lake. */
export function versionTypes(table: Table): Record<string, string> {
  return {
    [surrogateKey(table)]: 'BIGINT',
    ...Object.fromEntries(table.columns.map(({ name, type }) => [name, duckdbType(type)])),
    valid_from: 'TIMESTAMPTZ',
    valid_to: 'TIMESTAMPTZ',
    opened_tx: 'BIGINT',
    closed_tx: 'BIGINT',
    actor: 'VARCHAR',
    command: 'VARCHAR',
  };
}

/** A relation for a table that has no version file yet. */
export const noVersionsSql = (table: Table): string => emptySql(versionTypes(table));

export const emptySql = (types: Readonly<Record<string, string>>): string =>
  `SELECT ${Object.entries(types)
    .map(([name, type]) => `NULL::${type} AS ${identifier(name)}`)
    .join(', ')} WHERE false`;

export const list = (columns: readonly Column[], prefix = ''): string =>
  columns.map(({ name }) => prefix + identifier(name)).join(', ');

/**
 * A key's state as a struct: NULL = absent, {raw: NULL, columns} = a row, {raw: text} = unknown. One NULL-safe comparison
 * of two of them decides whether anything happened.
 */
export const packed = (table: Table, raw: string, value: (column: Column) => string): string =>
  `struct_pack(raw := ${raw}${stateColumns(table)
    .map((column) => `, ${identifier(column.name)} := ${value(column)}`)
    .join('')})`;

/** The columns of a state that is visible: what `rest` and the reader's tail have, and steps begin with. */
function stateTypes(table: Table): Record<string, string> {
  const state = stateColumns(table).map(({ name, type }) => `, ${identifier(name)} ${duckdbType(type)}`);
  return {
    ...Object.fromEntries(keyColumns(table).map(({ name, type }) => [name, duckdbType(type)])),
    stray: 'VARCHAR',
    key: 'VARCHAR',
    position: 'BIGINT',
    opened_tx: 'BIGINT',
    valid_from: 'TIMESTAMPTZ',
    actor: 'VARCHAR',
    command: 'VARCHAR',
    state: `STRUCT(raw VARCHAR${state.join('')})`,
  };
}

export const stateList = (table: Table, prefix = ''): string =>
  Object.keys(stateTypes(table))
    .map((name) => prefix + identifier(name))
    .join(', ');

/** How a relation of version rows says what versions have not: unknown states and their keys. */
const known = { stray: 'NULL::VARCHAR', key: 'NULL::VARCHAR', raw: 'NULL::VARCHAR' };

/** The states that version rows show, or rows of a reader's tail, which has the columns of `known`. */
export function statesOfVersions(table: Table, versions: string, { stray, key, raw } = known): string {
  const state = packed(table, raw, ({ name }) => identifier(name));
  return `SELECT ${list(keyColumns(table))}, ${stray} AS stray, ${key} AS key, ${identifier(surrogateKey(table))} AS position,
    opened_tx, valid_from, actor, command, ${state} AS state FROM ${versions}`;
}

/** The select list that makes a version row of state `from`; `closed` and `to` are expressions for its end. */
export function versionOfState(table: Table, from: string, closed = 'NULL::BIGINT', to = 'NULL::TIMESTAMPTZ'): string {
  const business = table.columns.map(({ name }) =>
    table.key.includes(name)
      ? `${from}.${identifier(name)}`
      : `${from}.state.${identifier(name)} AS ${identifier(name)}`,
  );
  return [
    `${from}.position AS ${identifier(surrogateKey(table))}`,
    ...business,
    `${from}.valid_from`,
    `${to} AS valid_to`,
    `${from}.opened_tx`,
    `${closed} AS closed_tx`,
    `${from}.actor`,
    `${from}.command`,
  ].join(', ');
}
