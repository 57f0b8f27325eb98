/** A catalog that has nothing to do with a university. The services load this very file: CATALOG_MODULE names it. */
import type { Catalog, Column, ColumnType, Table } from '#libs/catalog';

const column = (name: string, type: ColumnType, more: Partial<Column> = {}): Column => ({
  name,
  type,
  label: name,
  description: `The ${name}.`,
  ...more,
});
const nullable = { nullable: true };

export const buildings: Table = {
  table: 'buildings',
  name: 'building',
  kind: 'dimension',
  label: 'Buildings',
  description: 'Whatever has walls.',
  key: ['campus', 'number'],
  columns: [
    column('campus', 'text'),
    column('number', 'integer'),
    column('name', 'text'),
    column('height', 'numeric(6,2)', nullable),
    column('worth', 'numeric(20,4)', nullable),
    column('opened', 'date', nullable),
    column('surveyed', 'timestamptz', nullable),
    column('listed', 'boolean', nullable),
    column('steps', 'bigint', nullable),
    column('order', 'smallint', nullable),
    column('plans', 'text', nullable),
  ],
  untracked: ['remark'],
};

/** Its key is no prefix of its columns, and holds what has more than one way to be written. */
export const occupancies: Table = {
  table: 'occupancies',
  name: 'occupancy',
  kind: 'relationship',
  label: 'Occupancies',
  description: 'Who rents which building since when.',
  key: ['firm', 'campus', 'number', 'since'],
  columns: [
    column('since', 'timestamptz'),
    column('rent', 'numeric(12,2)', nullable),
    column('firm', 'text'),
    column('campus', 'text'),
    column('number', 'integer'),
  ],
};

/** Nothing but a key. */
export const wardens: Table = {
  table: 'wardens',
  name: 'warden',
  kind: 'relationship',
  label: 'Wardens',
  description: 'Who looks after which building.',
  key: ['campus', 'number', 'warden_name', 'by_night'],
  columns: [
    column('campus', 'text'),
    column('number', 'integer'),
    column('warden_name', 'text'),
    column('by_night', 'boolean'),
  ],
};

export const catalog: Catalog = { name: 'estate', tables: [buildings, occupancies, wardens] };
