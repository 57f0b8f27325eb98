import type { ColumnType } from '#libs/catalog';

const names: Readonly<Record<string, string>> = {
  text: 'VARCHAR',
  boolean: 'BOOLEAN',
  smallint: 'SMALLINT',
  integer: 'INTEGER',
  bigint: 'BIGINT',
  date: 'DATE',
  timestamptz: 'TIMESTAMPTZ',
};

const numeric = (type: ColumnType) => /^numeric\((\d+),(\d+)\)$/.exec(type);

/** DuckDB's name of a catalog type. @throws RangeError for a type that has none. */
export function duckdbType(type: ColumnType): string {
  const decimal = numeric(type);
  const name = decimal ? `DECIMAL(${decimal[1]},${decimal[2]})` : names[type];
  if (!name) throw new RangeError(`${JSON.stringify(type)} is no catalog type`);
  return name;
}

export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * An SQL expression: `text` (an expression, Postgres' text output) as a value of `type`, or NULL where it does not type.
 *
 * A pattern stands before every cast, because DuckDB's casts are generous: '1.5' becomes SMALLINT 2, '3.456' becomes
 * DECIMAL(3,2) 3.46, 'infinity' is a date, and '0044-03-15 BC' the year 44 of our era.
 */
export function typedSql(text: string, type: ColumnType): string {
  const where = (pattern: string, also = '') =>
    `CASE WHEN regexp_full_match(${text}, '${pattern}')${also} THEN TRY_CAST(${text} AS ${duckdbType(type)}) END`;
  const day = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
  const fromYearOne = ` AND ${text} >= '0001'`;
  switch (type) {
    case 'text':
      return text;
    case 'boolean':
      return `CASE WHEN ${text} IN ('t', 'true') THEN true WHEN ${text} IN ('f', 'false') THEN false END`;
    case 'smallint':
    case 'integer':
    case 'bigint':
      return where('-?[0-9]+');
    case 'date':
      return where(day, fromYearOne);
    case 'timestamptz':
      return where(`${day} ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?[+]00`, fromYearOne);
    default:
      return where(`-?[0-9]+([.][0-9]{0,${numeric(type)![2]}}0*)?`);
  }
}
