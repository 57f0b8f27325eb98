/**
 * The databases that the laws are tried on: the product's own, and two that have nothing to do with it. Where a source's
 * column is wider than the catalog's type (a numeric without bounds, a text that should be a number), it holds what does
 * not type.
 */
import type { Catalog, Column, ColumnType, Table } from '#libs/catalog';
import { checkCatalog } from '#libs/catalog';
import { valuesOf } from '#libs/test-values';
import { emptyDatabase, testDatabase, type TestDatabase } from '#libs/test-postgres';
import { university } from '#libs/university';
import pg from 'pg';

/** A text as SQL takes it; null for NULL. */
export type Text = string | null;

export interface WorldTable {
  readonly table: Table;
  /** Keys that rows may have, each in the order of the catalog's key. */
  readonly keys: readonly (readonly string[])[];
  /** Column → what it may hold: what types, and what may not. */
  readonly usual: Readonly<Record<string, readonly Text[]>>;
  readonly odd: Readonly<Record<string, readonly Text[]>>;
  /** A column for large values, stored apart from its row. */
  readonly large?: string;
}

export interface World {
  readonly catalog: Catalog;
  readonly tables: readonly WorldTable[];
  readonly publication: string;
  readonly database: () => Promise<TestDatabase>;
}

const column = (name: string, type: ColumnType, nullable = true): Column => ({
  ...{ name, type, ...(nullable && { nullable }) },
  ...{ label: name, description: name },
});

/** Any column may hold any text that its catalog's type takes, or may not take. */
function worldTable(table: Table, keys: WorldTable['keys'], large?: string): WorldTable {
  const state = table.columns.filter(({ name }) => !table.key.includes(name));
  const pools = state.map(({ name, type }) => [name, valuesOf(type)] as const);
  return {
    ...{ table, keys },
    usual: Object.fromEntries(pools.map(([name, pool]) => [name, [...pool.usual, null]])),
    odd: Object.fromEntries(pools.map(([name, pool]) => [name, pool.odd])),
    ...(large && { large }),
  };
}

/** The types of source columns that hold what does not type. */
const wide: Readonly<Record<string, string>> = { smallint: 'integer', integer: 'text', bigint: 'text' };
const sourceType = ({ type }: Column) => (type.startsWith('numeric') ? 'numeric' : (wide[type] ?? type));

const ddl = ({ table, large }: WorldTable): string => `
  CREATE TABLE ${table.table} (${table.columns.map((one) => `"${one.name}" ${sourceType(one)}`).join(', ')},
    PRIMARY KEY (${table.key.map((name) => `"${name}"`).join(', ')}));
  ALTER TABLE ${table.table} REPLICA IDENTITY FULL;
  ${large ? `ALTER TABLE ${table.table} ALTER "${large}" SET STORAGE EXTERNAL;` : ''}`;

function worldOf(catalog: Catalog, tables: readonly WorldTable[]): World {
  const published = [...catalog.tables, catalog.events!].map(({ table }) => table);
  const sql = `${tables.map(ddl).join('')}
    CREATE TABLE ${catalog.events!.table} (sequence bigserial, stream_id text, version integer, type text, data jsonb, metadata jsonb,
      PRIMARY KEY (stream_id, version));
    CREATE TABLE unlisted (id integer);
    CREATE PUBLICATION ${catalog.name} FOR TABLE ${published.join(', ')}, unlisted;`;
  const database = async () => {
    const empty = await emptyDatabase();
    await run(empty.url, sql);
    return empty;
  };
  return { catalog: checkCatalog(catalog), tables, publication: catalog.name, database };
}

async function run(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

const berths: Table = {
  ...{ table: 'berths', name: 'berth', kind: 'dimension', label: 'Berths', description: 'Where ships lie.' },
  key: ['quay', 'number'],
  columns: [
    ...[column('number', 'integer', false), column('name', 'text'), column('roofed', 'boolean')],
    ...[column('order', 'smallint'), column('cranes', 'integer'), column('moorings', 'bigint')],
    ...[column('depth', 'numeric(6,2)'), column('worth', 'numeric(38,10)'), column('built', 'date')],
    ...[column('quay', 'text', false), column('dredged', 'timestamptz'), column('plan', 'text')],
  ],
};

/** Nothing but a key, a part of which may not type. */
const pilots: Table = {
  ...{ table: 'pilots', name: 'pilot', kind: 'relationship', label: 'Pilots', description: 'Who may pilot what.' },
  key: ['licence', 'since', 'by_night'],
  columns: [
    column('licence', 'numeric(6,2)', false),
    column('since', 'date', false),
    column('by_night', 'boolean', false),
  ],
};

const strange = `Süd/"Ost" 💥%2F'\n\u2028`;
const eventTable = { table: 'happenings', key: ['stream_id', 'version'] };
const harbour = worldOf({ name: 'harbour', tables: [berths, pilots], events: eventTable }, [
  worldTable(
    berths,
    [
      [strange, '1'],
      ['', '1'],
      ['A', '-1'],
      ['A', '2147483647'],
      ['A/B', '0'],
      ['A', 'x'],
    ],
    'plan',
  ),
  worldTable(pilots, [
    ...[
      ['1', '2001-01-01', 't'],
      ['1.00', '2001-01-01', 't'],
      ['1', '2001-01-01', 'f'],
      ['-9999.99', '0001-01-01', 'f'],
    ],
    ...[
      ['NaN', '9999-12-31', 't'],
      ['2.5', 'infinity', 't'],
    ],
  ]),
]);

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
const readings: Table = {
  ...{ table: 'readings', name: 'reading', kind: 'dimension', label: 'Readings', description: 'What was measured.' },
  key: ['station', 'taken_at'],
  columns: [
    ...[column('station', 'text', false), column('taken_at', 'timestamptz', false)],
    ...Array.from({ length: 38 }, (_, i) => column(`value_${i + 1}`, types[i % types.length]!)),
  ],
};

/** Numbers that are written in several ways are one key. */
const stations: Table = {
  ...{ table: 'stations', name: 'station', kind: 'dimension', label: 'Stations', description: 'Where is measured.' },
  key: ['code'],
  columns: [
    column('code', 'bigint', false),
    column('name', 'text'),
    column('height', 'numeric(9,4)'),
    column('log', 'text'),
  ],
};

const observatory = worldOf({ name: 'observatory', tables: [readings, stations], events: eventTable }, [
  worldTable(readings, [
    ['A', '2026-03-01 08:00:00+00'],
    ['A', '2026-03-01 08:00:00.000001+00'],
    ['', '1969-12-31 23:59:59.999999+00'],
    ['A', 'infinity'],
  ]),
  worldTable(stations, [['1'], ['2'], ['-9223372036854775808'], ['one']], 'log'),
]);

const [students] = university.tables.filter(({ table }) => table === 'students');
const product: World = {
  catalog: checkCatalog({ ...university, tables: [students!] }),
  tables: [
    {
      table: students!,
      keys: [['4F1A09C3BE'], ['A/B'], ['ÄÖ"💥'], [''], ["o'x\n"]],
      usual: {
        ...{ first_name: valuesOf('text').usual, last_name: ['Lovelace', '', '名'] },
        ...{ gender: ['female', null], address: ['12 St James Square', '', null], major: ['CS', 'Math', null] },
        ...{
          date_of_birth: valuesOf('date').usual,
          year_of_study: ['1', '6'],
          gpa: ['0.00', '4', '3.90', '3.9', null],
        },
        ...{ enrollment_status: ['full-time', 'part-time'], version: ['1', '2', '3'] },
      },
      odd: { date_of_birth: valuesOf('date').odd },
      large: 'address',
    },
  ],
  publication: 'migsbyu',
  database: testDatabase,
};

export const worlds: readonly World[] = [product, harbour, observatory];
