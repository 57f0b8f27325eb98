/** Every type of a catalog, keys of several columns, one table that is all key, one of forty columns. */
import type { ColumnType } from '#libs/catalog';
import { madeUp, type MadeUpTable } from './made-up.js';
import { column, lakeNames, tableOf, type World } from './world.js';

const nullable = (name: string, type: ColumnType) => column(name, type, { nullable: true });
const strange = `Süd/"Ost" 💥%2F'\n\u2028`;

const exhibits: MadeUpTable = {
  table: tableOf('exhibits', 'exhibit', 'dimension', {
    key: ['wing', 'number'],
    columns: [
      ...[
        column('number', 'integer'),
        nullable('name', 'text'),
        nullable('lent', 'boolean'),
        nullable('order', 'smallint'),
      ],
      ...[nullable('visitors', 'integer'), nullable('insured_for', 'bigint'), nullable('weight', 'numeric(6,2)')],
      ...[nullable('worth', 'numeric(38,10)'), nullable('found', 'date'), column('wing', 'text')],
      ...[nullable('restored', 'timestamptz'), nullable('plan', 'text'), nullable('shelf', 'smallint')],
    ],
  }),
  keys: [
    [strange, '1'],
    ['', '1'],
    ['A', '-1'],
    ['A', '2147483647'],
    ['A/B', '0'],
    ['A', 'x'],
  ],
  ...{ more: ['remark', 'note'], large: 'plan' },
};

/** Nothing but a key, a part of which may not type; numbers that are written in several ways are one key. */
export const loans: MadeUpTable = {
  table: tableOf('loans', 'loan', 'relationship', {
    key: ['lender', 'since', 'insured'],
    columns: [column('lender', 'numeric(6,2)'), column('since', 'date'), column('insured', 'boolean')],
  }),
  keys: [
    ...[
      ['1', '2001-01-01', 't'],
      ['1.00', '2001-01-01', 't'],
      ['1', '2001-01-01', 'f'],
      ['-9999.99', '0001-01-01', 'f'],
    ],
    ...[
      ['NaN', '9999-12-31', 't'],
      ['2.5', 'infinity', 't'],
      ['2.5', '1999-12-31', 'f'],
    ],
  ],
};

const types: readonly ColumnType[] = [
  'text',
  'boolean',
  'smallint',
  'integer',
  'bigint',
  'numeric(12,3)',
  'date',
  'timestamptz',
];
const climate: MadeUpTable = {
  table: tableOf('climate', 'reading', 'dimension', {
    key: ['room', 'taken_at'],
    columns: [
      ...[column('room', 'text'), column('taken_at', 'timestamptz')],
      ...Array.from({ length: 38 }, (_, i) => nullable(`value_${i + 1}`, types[i % types.length]!)),
    ],
  }),
  keys: [
    ...[
      ['A', '2026-03-01 08:00:00+00'],
      ['A', '2026-03-01 08:00:00.000001+00'],
    ],
    ...[
      ['', '1969-12-31 23:59:59.999999+00'],
      ['A', 'infinity'],
    ],
  ],
  more: ['remark'],
};

export const museum: World = madeUp({
  ...{ name: 'museum', early: [exhibits], late: [loans, climate], events: 'happenings' },
  kinds: lakeNames(exhibits.table, loans.table, climate.table),
});
