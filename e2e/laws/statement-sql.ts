/** Steps as SQL. What it hits depends on what is there; what it became is read from the tables alone. */
import type { Statement } from './steps.js';
import type { Text, World, WorldTable } from './worlds.js';

type RowOf = Extract<Statement, { row: unknown }>['row'];

const identifier = (name: string) => `"${name}"`;
const literal = (text: Text) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);
const at = <T>(from: readonly T[], index: number): T => from[index % from.length]!;

/** `unique` is another number at each call. Empty where the table has nothing to do it with. */
export function sqlOf(statement: Statement, { tables, catalog }: World, unique: number): readonly string[] {
  const world = at(tables, statement.table);
  const name = world.table.table;
  switch (statement.do) {
    case 'put':
      return [put(world, statement.rows)];
    case 'set':
      return set(world, statement.row, statement.column, ` WHERE ${isKey(world, statement.row.key)}`);
    case 'set all':
      return set(world, statement.row, statement.column, '');
    case 'there and back':
      return thereAndBack(world, statement.row, statement.column, unique);
    case 'touch':
      return [touch(world, statement.row)];
    case 'remove':
      return [`DELETE FROM ${name}${statement.row.values % 10 ? ` WHERE ${isKey(world, statement.row.key)}` : ''}`];
    case 'replace':
      return replace(world, statement.row, unique);
    case 'enlarge':
      return enlarge(world, statement.row);
    case 'rekey':
      return [rekey(world, statement.from, statement.to)];
    case 'truncate':
      return [`TRUNCATE ${statement.others ? tables.map(({ table }) => table.table).join(', ') : name} CASCADE`];
    case 'event':
      return [event(world, statement, catalog.events!.table, unique)];
    default:
      return alter(world, statement);
  }
}

/** Whether it locks others out of reading. */
export const excludes = ({ do: name }: Statement): boolean => name === 'truncate' || name.endsWith(' column');

const stateColumns = ({ usual }: WorldTable): string[] => Object.keys(usual);

const isKey = ({ table, keys }: WorldTable, key: number): string =>
  table.key.map((name, i) => `${identifier(name)} = ${literal(at(keys, key)[i]!)}`).join(' AND ');

function valueOf({ usual, odd }: WorldTable, { values, odd: may }: RowOf, column: string, i: number): Text {
  const strange = may ? (odd[column] ?? []) : [];
  return strange.length > 0 && (values + i) % 3 === 0
    ? at(strange, values)
    : at(usual[column]!, values + i * (values % 3));
}

function put(world: WorldTable, rows: readonly RowOf[]): string {
  const columns = stateColumns(world);
  const byKey = new Map(rows.map((row) => [row.key % world.keys.length, row]));
  const tuples = [...byKey].map(([key, row]) => {
    const values = columns.map((column, i) => valueOf(world, row, column, i));
    return `(${[...world.keys[key]!, ...values].map(literal).join(', ')})`;
  });
  const update = columns.map((column) => `${identifier(column)} = EXCLUDED.${identifier(column)}`).join(', ');
  return `INSERT INTO ${world.table.table} (${[...world.table.key, ...columns].map(identifier).join(', ')})
    VALUES ${tuples.join(', ')} ON CONFLICT (${world.table.key.map(identifier).join(', ')})
    DO ${update && rows[0]!.values % 4 > 0 ? `UPDATE SET ${update}` : 'NOTHING'}`;
}

function set(world: WorldTable, row: RowOf, column: number, where: string): string[] {
  const columns = stateColumns(world);
  if (columns.length === 0) return [];
  const name = at(columns, column);
  const value = literal(valueOf(world, row, name, 0));
  return [`UPDATE ${world.table.table} SET ${identifier(name)} = ${value}${where}`];
}

const keep = (world: WorldTable, { key }: RowOf, kept: string): string =>
  `CREATE TEMP TABLE ${kept} ON COMMIT DROP AS SELECT * FROM ${world.table.table} WHERE ${isKey(world, key)}`;

function thereAndBack(world: WorldTable, row: RowOf, column: number, unique: number): string[] {
  const [there] = set(world, row, column, ` WHERE ${isKey(world, row.key)}`);
  if (!there) return [];
  const name = identifier(at(stateColumns(world), column));
  const kept = `kept_${unique}`;
  const same = world.table.key.map((key) => `t.${identifier(key)} = k.${identifier(key)}`).join(' AND ');
  return [
    keep(world, row, kept),
    there,
    `UPDATE ${world.table.table} AS t SET ${name} = k.${name} FROM ${kept} AS k WHERE ${same}`,
  ];
}

function touch(world: WorldTable, { key, values }: RowOf): string {
  const name = identifier(world.table.columns.at(values % world.table.columns.length)!.name);
  return `UPDATE ${world.table.table} SET ${name} = ${name}${values % 2 ? '' : ` WHERE ${isKey(world, key)}`}`;
}

/** Deleted and inserted again: as it was, or another. */
function replace(world: WorldTable, row: RowOf, unique: number): string[] {
  const kept = `kept_${unique}`;
  const deletion = `DELETE FROM ${world.table.table} WHERE ${isKey(world, row.key)}`;
  if (row.values % 2) return [deletion, put(world, [row])];
  return [keep(world, row, kept), deletion, `INSERT INTO ${world.table.table} SELECT * FROM ${kept}`];
}

/** To a value that is stored apart from its row, and that the log does not repeat while it stays. */
function enlarge(world: WorldTable, { key, values }: RowOf): string[] {
  if (!world.large) return [];
  const value = `(SELECT string_agg(md5('${values % 7}' || i), '') FROM generate_series(1, 90) AS i)`;
  return [`UPDATE ${world.table.table} SET ${identifier(world.large)} = ${value} WHERE ${isKey(world, key)}`];
}

function rekey(world: WorldTable, from: number, to: number): string {
  const { table } = world.table;
  const assigned = world.table.key.map((name, i) => `${identifier(name)} = ${literal(at(world.keys, to)[i]!)}`);
  return `UPDATE ${table} SET ${assigned.join(', ')} WHERE ${isKey(world, from)}
    AND NOT EXISTS (SELECT FROM ${table} WHERE ${isKey(world, to)})`;
}

const metadata = [
  '{"actor": "ann", "command": "A"}',
  '{"actor": "bob", "command": "B"}',
  '{"command": "C"}',
  '{"actor": 1}',
  '[]',
];

/** From 50 on, somebody else signs as well. */
function event(world: WorldTable, { key, by }: { key: number; by: number }, table: string, unique: number): string {
  const stream = literal(`${world.table.table}:${at(world.keys, key).join('/')}`);
  const signed = (who: number, version: number) => `(${stream}, ${version}, 'Happened', '{}', '${at(metadata, who)}')`;
  const others = by < 50 ? '' : `, ${signed(by + 1, 2 * unique + 1)}`;
  return `INSERT INTO ${table} (stream_id, version, type, data, metadata) VALUES ${signed(by, 2 * unique)}${others}`;
}

/** Columns that no catalog knows at first. */
export const extras = ['extra_1', 'extra_2', 'extra_3'] as const;

/** Columns from 50 on come with a value; one of them is computed for each row, so that adding it writes the table anew. */
function alter(world: WorldTable, { do: what, column }: Extract<Statement, { do: `${string} column` }>): string[] {
  const { table } = world.table;
  const name = at(extras, column);
  if (what === 'drop column') return [`ALTER TABLE ${table} DROP COLUMN IF EXISTS ${name}`];
  if (what === 'add column') {
    const value = column < 50 ? '' : ` DEFAULT ${column % 2 ? `'new'` : 'clock_timestamp()'}`;
    const fill = `UPDATE ${table} SET ${name} = 'told'`;
    return [`ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS ${name} text${value}`, ...(column % 2 ? [] : [fill])];
  }
  const other = at(extras, column + 1);
  return [
    `DO $$ BEGIN ALTER TABLE ${table} RENAME ${name} TO ${other};
    EXCEPTION WHEN undefined_column OR duplicate_column THEN NULL; END $$`,
  ];
}
