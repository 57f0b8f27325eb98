/** What a round runs on: a source, two catalogs of it, and what is done to it. */
import { lakeTable, type Catalog, type Column, type ColumnType, type Table } from '#libs/catalog';
import type { Random } from '../random.js';

/** Tables that take the same steps in ways of their own. */
export const kinds = ['dimension', 'relationship', 'quarantining'] as const;
export type Kind = (typeof kinds)[number];

export interface World {
  /** Also of the publication. */
  readonly name: string;
  /**
   * A projector may be started with either, and rebuilds what was made by the other one: some tables have a column less in
   * it, and one more that the source has had all along. A column of both has one type.
   */
  readonly catalogs: readonly [Catalog, Catalog];
  /** Tables, the record of them, the publication, and the first transaction, of number 0. */
  readonly ddl: string;
  readonly statementsOf: (random: Random) => string[];
  /** Names in the lake. */
  readonly tables: Readonly<Record<Kind, string>>;
  /** What is the same at every transaction's end: a column's sum over these tables. */
  readonly constant?: { readonly tables: readonly string[]; readonly column: string; readonly sum: number };
}

const about = (name: string) => ({ label: name, description: `The ${name}.` });

export const column = (name: string, type: ColumnType, more: Partial<Column> = {}): Column => ({
  ...{ name, type, ...about(name) },
  ...more,
});

export const tableOf = (
  table: string,
  name: string,
  kind: Table['kind'],
  shape: Pick<Table, 'key' | 'columns' | 'untracked'>,
): Table => ({ ...{ table, name, kind }, ...about(table), ...shape });

/** One row of it counts the transactions, each of which raises it by one. */
export const counters = tableOf('counters', 'counter', 'dimension', {
  key: ['id'],
  columns: [column('id', 'text'), column('n', 'bigint')],
});

export const count = `UPDATE counters SET n = n + 1 WHERE id = 'transactions'`;
export const firstCount = `INSERT INTO counters VALUES ('transactions', 0);`;

export const lakeNames = (dimension: Table, relationship: Table, quarantining: Table): World['tables'] => ({
  ...{ dimension: lakeTable(dimension), relationship: lakeTable(relationship) },
  quarantining: lakeTable(quarantining),
});

/** All columns of either entry: what neither knows reads NULL. */
export function both([one, other]: World['catalogs']): Catalog {
  const tables = one.tables.map((table, i) => {
    const names = new Set(table.columns.map(({ name }) => name));
    return {
      ...table,
      columns: [...table.columns, ...other.tables[i]!.columns.filter(({ name }) => !names.has(name))],
    };
  });
  return { ...one, tables: tables.map(({ untracked: _, ...table }) => table) };
}
