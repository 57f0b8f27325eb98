/**
 * Tables whose contents tell by themselves whether a cut is whole: money only moves, so its sum over two tables is the same
 * at every transaction's end.
 */
import type { Catalog, Table } from '#libs/catalog';
import { owners, statementsOf } from './transactions.js';
import { recordedTables } from './worlds/recording.js';
import { column, counters, firstCount, lakeNames, tableOf, type World } from './worlds/world.js';

const accounts = tableOf('accounts', 'account', 'dimension', {
  key: ['id'],
  columns: [column('id', 'text'), column('owner', 'text', { nullable: true }), column('balance', 'bigint')],
});

const deposits = tableOf('deposits', 'deposit', 'relationship', {
  key: ['bank', 'number'],
  columns: [
    ...[column('number', 'integer'), column('bank', 'text'), column('balance', 'bigint')],
    column('since', 'date', { nullable: true }),
  ],
});

/** Some of its readings cannot be typed. */
const gauges = tableOf('gauges', 'gauge', 'dimension', {
  key: ['id'],
  columns: [column('id', 'text'), column('reading', 'numeric(8,2)', { nullable: true })],
});

const entries = (...changed: Table[]): Catalog => ({
  name: 'bank',
  tables: [accounts, deposits, counters, gauges].map(
    (table) => changed.find((other) => other.table === table.table) ?? table,
  ),
});

export const catalog = entries();

/** Accounts lose their owners, gauges gain the unit that they had. */
const renewed = entries(
  { ...accounts, columns: accounts.columns.filter(({ name }) => name !== 'owner') },
  { ...gauges, columns: [...gauges.columns, column('unit', 'text', { nullable: true })] },
);

/** Of all money, at the end of every transaction. */
const total = 1_000_000;

const tables = recordedTables('bank', [
  {
    table: 'accounts',
    columns: [
      ['id', 'text'],
      ['owner', 'text'],
      ['balance', 'bigint NOT NULL CHECK (balance >= 0)'],
    ],
    key: ['id'],
  },
  {
    table: 'deposits',
    columns: [
      ['bank', 'text'],
      ['number', 'integer'],
      ['balance', 'bigint NOT NULL CHECK (balance >= 0)'],
      ['since', 'date'],
    ],
    key: ['bank', 'number'],
  },
  {
    table: 'counters',
    columns: [
      ['id', 'text'],
      ['n', 'bigint NOT NULL'],
    ],
    key: ['id'],
  },
  {
    table: 'gauges',
    columns: [
      ['id', 'text'],
      ['reading', 'numeric'],
      ['unit', 'text'],
    ],
    key: ['id'],
  },
]);

const rows = `${firstCount}
  INSERT INTO accounts SELECT 'A' || i, 'owner ' || i, ${total / owners / 2} FROM generate_series(1, ${owners}) AS i;
  INSERT INTO deposits SELECT 'Bank ' || i % 3, i, 0, '2020-01-01' FROM generate_series(1, ${owners}) AS i;
  INSERT INTO accounts SELECT 'rest', NULL, ${total} - sum(balance) FROM accounts;
  INSERT INTO gauges SELECT 'G' || i, i, 'm' || i % 3 FROM generate_series(1, 6) AS i;`;

export const bank: World = {
  ...{ name: 'bank', catalogs: [catalog, renewed], ddl: tables + rows, statementsOf },
  tables: lakeNames(accounts, deposits, gauges),
  constant: { tables: ['accounts', 'deposits'], column: 'balance', sum: total },
};
