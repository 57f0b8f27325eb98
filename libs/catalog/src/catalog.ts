/**
 * A catalog says what the engine must know of a domain, and is all that it knows: which tables are captured, their keys,
 * their typed columns and what they mean. It is written by hand; capture, lake, SCD2 and the query API follow from it.
 */

/** The Postgres types that a tracked column may have. */
export type ColumnType =
  'text' | 'boolean' | 'smallint' | 'integer' | 'bigint' | 'date' | 'timestamptz' | `numeric(${number},${number})`;

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable?: boolean;
  readonly label: string;
  readonly description: string;
  /** Personal data: listed by the catalog endpoint, so that readers can be kept from it. */
  readonly pii?: boolean;
  /** A value as the documents show it. */
  readonly example?: string | number | boolean;
}

/** A source table whose rows become versions. */
export interface Table {
  /** The source table's name in schema `public`, also the last part of its path: `buildings`. */
  readonly table: string;
  /** One row's name, singular: `building`; its surrogate key is `building_key`. */
  readonly name: string;
  /** A dimension's versions are in `<table>_dimension`, a relationship's in `<table>_history`. */
  readonly kind: 'dimension' | 'relationship';
  /** Names of the primary key's columns, in key order. */
  readonly key: readonly string[];
  /** The tracked columns, those of the key included, in the order of the lake. */
  readonly columns: readonly Column[];
  /** Columns kept in the changelog alone: never compared, in no version. */
  readonly untracked?: readonly string[];
  readonly label: string;
  readonly description: string;
}

/** A captured table of events that say who changed what; its rows become no versions. */
export interface EventTable {
  readonly table: string;
  readonly key: readonly string[];
}

export interface Catalog {
  readonly name: string;
  readonly tables: readonly Table[];
  /** Columns `stream_id` (`<table>:<key parts joined by />`) and `metadata` ({actor, command, correlation_id}). */
  readonly events?: EventTable;
}

export const surrogateKey = (table: Table): string => `${table.name}_key`;

export const lakeTable = (table: Table): string =>
  table.kind === 'dimension' ? `${table.table}_dimension` : `${table.table}_history`;

export const keyColumns = (table: Table): Column[] =>
  table.key.map((name) => table.columns.find((column) => column.name === name)!);

/** The tracked columns that are not part of the key: the state that makes versions. */
export const stateColumns = (table: Table): Column[] =>
  table.columns.filter((column) => !table.key.includes(column.name));

/** Everything the source must publish: source table → names of its key columns. */
export function capturedTables(catalog: Catalog): ReadonlyMap<string, readonly string[]> {
  const entries: readonly EventTable[] = catalog.events ? [...catalog.tables, catalog.events] : catalog.tables;
  return new Map(entries.map(({ table, key }) => [table, key]));
}
