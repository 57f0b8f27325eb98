/** A catalog for verifications: every column type, keys of several columns and odd types, a table of forty columns. */
import { checkCatalog, type Catalog, type Column, type ColumnType, type Table } from '#libs/catalog';

const words = { label: 'x', description: 'x' };
const column = (name: string, type: ColumnType): Column => ({ name, type, nullable: true, ...words });
const types = [
  ...(['text', 'boolean', 'smallint', 'integer', 'bigint', 'date', 'timestamptz'] as const),
  ...(['numeric(3,2)', 'numeric(20,4)', 'numeric(38,0)'] as const),
];
const ofEveryType = types.map((type, i) => column(`of_${i}`, type));

const table = (name: string, key: readonly Column[], columns: readonly Column[]): Table => ({
  ...{ table: `${name}s`, name, kind: 'dimension', ...words },
  key: key.map((one) => one.name),
  columns: [...key.map((one) => ({ ...one, nullable: false })), ...columns],
  untracked: ['version'],
});

export const observatory: Catalog = checkCatalog({
  name: 'observatory',
  tables: [
    table('star', [column('id', 'text')], ofEveryType),
    table(
      'reading',
      [column('taken_on', 'date'), column('level', 'numeric(6,2)'), column('nth', 'integer')],
      ofEveryType,
    ),
    table(
      'plate',
      [column('id', 'integer')],
      Array.from({ length: 39 }, (_, i) => column(`c${i}`, types[i % types.length]!)),
    ),
    table('note', [column('id', 'bigint')], [...ofEveryType, column('quarantined', 'text')]),
  ],
});

/** Columns are of the catalog's types, but for notes: texts, whatever they are said to be. */
export const observatoryTables = (publication: string): string =>
  observatory.tables
    .map(({ table: name, columns, key }) => {
      const typeOf = (type: ColumnType) => (name === 'notes' ? 'text' : type);
      const definitions = columns.map((one) => `"${one.name}" ${typeOf(one.type)}`).join(', ');
      return `CREATE TABLE ${name} (${definitions}, version int, PRIMARY KEY (${key.map((one) => `"${one}"`).join(', ')}));
        ALTER TABLE ${name} REPLICA IDENTITY FULL;`;
    })
    .join('\n') +
  `CREATE PUBLICATION ${publication} FOR TABLE ${observatory.tables.map((one) => one.table).join(', ')}`;

/** Texts that Postgres takes and that type; the last of each list are edges. */
const usual: Record<string, readonly string[]> = {
  text: ['Ada', '', 'Zoë "💥" O\'Néill\n\t\\', 'NULL', '007'],
  boolean: ['t', 'f'],
  smallint: ['0', '7', '-32768', '32767'],
  integer: ['0', '-1', '2147483647', '-2147483648'],
  bigint: ['0', '9007199254740993', '9223372036854775807', '-9223372036854775808'],
  date: ['2004-02-29', '1999-12-31', '0001-01-01', '9999-12-31'],
  timestamptz: [
    '2026-03-01 08:00:00+00',
    '2026-03-01 08:00:00.12+00',
    '0001-01-01 00:00:00+00',
    '9999-12-31 23:59:59.999999+00',
  ],
  'numeric(3,2)': ['0.00', '3.90', '-9.99', '4.00'],
  'numeric(20,4)': ['0.0001', '1.5000', '-9007199254740993.0001', '9999999999999999.9999'],
  'numeric(38,0)': ['0', '99999999999999999999999999999999999999', '-1'],
  'numeric(6,2)': ['0.00', '1.50', '-9999.99'],
};
/** Texts that the type of Postgres takes, and the lake cannot have. */
const unreadable: Record<string, readonly string[]> = {
  date: ['infinity', '-infinity', '0044-03-15 BC', '10000-01-01'],
  timestamptz: ['infinity', '0044-03-15 12:00:00+00 BC'],
  'numeric(3,2)': ['NaN'],
  'numeric(20,4)': ['NaN'],
};
/** What a column of text may hold beside: other words for a value, and words for none. */
const inTexts: Record<string, readonly string[]> = {
  boolean: ['true', 'yes'],
  smallint: ['007', '-0', '1.5', '40000', ''],
  integer: ['00', ' 1', '1e3'],
  date: ['2026-02-30', '2026-2-3'],
  timestamptz: ['2026-03-01 08:00:00.120+00', '2026-03-01 08:00:00.000+00', '2026-03-01 08:00:00+01'],
  'numeric(3,2)': ['3.9', '003.900', '-0.00', '3.456', '12'],
};

const pick = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)]!;

function randomText(name: string, type: ColumnType, random: () => number): string | null {
  const dice = random();
  if (dice < 0.1) return null;
  const odd = [...(unreadable[type] ?? []), ...(name === 'notes' ? (inTexts[type] ?? []) : [])];
  return pick(dice < 0.13 && odd.length > 0 ? odd : usual[type]!, random);
}

const literal = (text: string | null) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

/** A statement that changes some rows of some table; keys are few, so that it meets rows. */
function randomChange(random: () => number): string {
  const { table: name, key, columns } = pick(observatory.tables, random);
  const small = (one: Column): string => {
    const number = Math.floor(random() * 12);
    if (one.type === 'date') return `'2026-01-${String(number + 1).padStart(2, '0')}'`;
    return `'${number}'`;
  };
  const keys = columns.filter((one) => key.includes(one.name));
  const rest = columns.filter((one) => !key.includes(one.name));
  const where = keys.map((one) => `"${one.name}" = ${small(one)}`).join(' AND ');
  const dice = random();
  if (dice < 0.001) return `TRUNCATE ${name}`;
  if (dice < 0.2) return `DELETE FROM ${name} WHERE ${where}`;
  if (dice < 0.5) {
    const one = pick(rest, random);
    return `UPDATE ${name} SET "${one.name}" = ${literal(randomText(name, one.type, random))}, version = ${Math.floor(random() * 9)}
      WHERE ${where}`;
  }
  const [into, set] = [
    columns.map((one) => `"${one.name}"`),
    rest.map((one) => `"${one.name}" = excluded."${one.name}"`),
  ];
  const values = columns.map((one) =>
    key.includes(one.name) ? small(one) : literal(randomText(name, one.type, random)),
  );
  return `INSERT INTO ${name} (${into.join(', ')}) VALUES (${values.join(', ')})
    ON CONFLICT (${key.map((one) => `"${one}"`).join(', ')}) DO UPDATE SET ${set.join(', ')}`;
}

/** A transaction of one to five statements. */
export function randomTransaction(random: () => number): string {
  const statements = Array.from({ length: 1 + Math.floor(random() * 5) }, () => randomChange(random));
  return `BEGIN; ${statements.join('; ')}; ${random() < 0.1 ? 'ROLLBACK' : 'COMMIT'}`;
}
