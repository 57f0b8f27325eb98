import { catalogHash, surrogateKey, type ColumnType, type Table } from '#libs/catalog';
import type { DeltaField, DeltaType } from '#libs/delta-log';
import { configuration } from './changelog.js';

function deltaType(type: ColumnType): DeltaType {
  switch (type) {
    case 'text':
      return 'string';
    case 'smallint':
      return 'short';
    case 'bigint':
      return 'long';
    case 'timestamptz':
      return 'timestamp';
    case 'boolean':
    case 'integer':
    case 'date':
      return type;
    default:
      return type.replace('numeric', 'decimal') as DeltaType;
  }
}

/** The columns that every version has beside the surrogate key and the business columns, in the order of the lake. */
const interval: readonly DeltaField[] = [
  { name: 'valid_from', type: 'timestamp', nullable: false },
  { name: 'valid_to', type: 'timestamp', nullable: true },
  { name: 'opened_tx', type: 'long', nullable: false },
  { name: 'closed_tx', type: 'long', nullable: true },
  { name: 'actor', type: 'string', nullable: true },
  { name: 'command', type: 'string', nullable: true },
];

/**
 * A dimension or relationship as a Delta table: open versions in the partition `is_current=true`, closed ones in `false`.
 * Business columns are nullable even where the source's are not: a column that did not exist yet reads NULL.
 */
export function versionTable(table: Table) {
  return {
    fields: [
      { name: surrogateKey(table), type: 'long' as const, nullable: false },
      ...table.columns.map(({ name, type }) => ({ name, type: deltaType(type), nullable: !table.key.includes(name) })),
      ...interval,
      { name: 'is_current', type: 'boolean' as const, nullable: false },
    ] satisfies DeltaField[],
    partitionColumns: ['is_current'],
    configuration: { [configuration.catalog]: catalogHash(table), [configuration.table]: JSON.stringify(table) },
  };
}

/**
 * Intervals in which a key's state could not be typed: one table for all source tables. A table's rows may be ahead of its
 * versions' fold by a crash between the two commits, so they are always read as of that fold.
 */
export const quarantine = {
  name: 'quarantine',
  fields: [
    { name: 'table', type: 'string', nullable: false },
    { name: 'position', type: 'long', nullable: false },
    { name: 'key', type: 'string', nullable: false },
    { name: 'raw', type: 'string', nullable: false },
    { name: 'opened_tx', type: 'long', nullable: false },
    { name: 'valid_from', type: 'timestamp', nullable: false },
    { name: 'closed_tx', type: 'long', nullable: true },
    { name: 'valid_to', type: 'timestamp', nullable: true },
    { name: 'actor', type: 'string', nullable: true },
    { name: 'command', type: 'string', nullable: true },
  ] satisfies DeltaField[],
  partitionColumns: ['table'],
} as const;
