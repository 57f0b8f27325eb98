/**
 * A world that follows from its catalog: tables whose rows are made, changed in each way that the laws tell apart, and
 * unmade, with values of every type, and some that no type takes.
 */
import { stateColumns, type Catalog, type Table } from '#libs/catalog';
import { valuesOf } from '#libs/test-values';
import { oneOf, type Random } from '../random.js';
import { recordedTables, type SourceTable } from './recording.js';
import { sourceType, type Text } from './values.js';
import { count, counters, firstCount, type World } from './world.js';

export interface MadeUpTable {
  readonly table: Table;
  /** Keys that its rows may have, in the order of the table's key. */
  readonly keys: readonly (readonly string[])[];
  /** Columns that the source has beside, all texts. */
  readonly more?: readonly string[];
  /** A column for values so large that the source stores them apart, and its log does not repeat them. */
  readonly large?: string;
}

type Step = (of: MadeUpTable, random: Random) => string[];

const quoted = (name: string): string => `"${name}"`;
const literal = (text: Text): string => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

const isKey = ({ table }: MadeUpTable, key: readonly string[]): string =>
  table.key.map((name, i) => `${quoted(name)} = ${literal(key[i]!)}`).join(' AND ');

/** Columns beside the key: names, and what may be put into them. */
function columnsOf({ table, more = [] }: MadeUpTable): { name: string; value: (random: Random) => Text }[] {
  const tracked = stateColumns(table).map(({ name, type, nullable }) => {
    const { usual, odd } = valuesOf(type);
    const value = (random: Random): Text => {
      if (nullable && random() < 0.15) return null;
      return oneOf(odd.length > 0 && random() < 0.02 ? odd : usual, random);
    };
    return { name, value };
  });
  const { usual: texts } = valuesOf('text');
  return [...tracked, ...more.map((name) => ({ name, value: (random: Random): Text => oneOf(texts, random) }))];
}

const put: Step = (of, random) => {
  const columns = columnsOf(of);
  const keys = new Set(Array.from({ length: 1 + Math.floor(random() * 3) }, () => oneOf(of.keys, random)));
  const rows = [...keys].map(
    (key) => `(${[...key, ...columns.map(({ value }) => value(random))].map(literal).join(', ')})`,
  );
  const changes = columns.map(({ name }) => `${quoted(name)} = EXCLUDED.${quoted(name)}`).join(', ');
  const names = [...of.table.key, ...columns.map(({ name }) => name)].map(quoted).join(', ');
  return [
    `INSERT INTO ${of.table.table} (${names}) VALUES ${rows.join(', ')}
     ON CONFLICT (${of.table.key.map(quoted).join(', ')}) DO ${changes && random() < 0.7 ? `UPDATE SET ${changes}` : 'NOTHING'}`,
  ];
};

/** Of one row, or of all. */
const set: Step = (of, random) => {
  const columns = columnsOf(of);
  if (columns.length === 0) return [];
  const { name, value } = oneOf(columns, random);
  const where = random() < 0.2 ? '' : ` WHERE ${isKey(of, oneOf(of.keys, random))}`;
  return [`UPDATE ${of.table.table} SET ${quoted(name)} = ${literal(value(random))}${where}`];
};

const touch: Step = (of, random) => {
  const name = quoted(oneOf(of.table.columns, random).name);
  return [`UPDATE ${of.table.table} SET ${name} = ${name}`];
};

/** Changes a row, or takes it away, and makes it as it was. */
const thereAndBack: Step = (of, random) => {
  const { table } = of.table;
  const row = isKey(of, oneOf(of.keys, random));
  const columns = columnsOf(of);
  const back = (there: string, again: string) => [
    `DO $$ DECLARE kept ${table}; BEGIN SELECT * INTO kept FROM ${table} WHERE ${row};
     IF FOUND THEN ${there}; ${again}; END IF; END $$`,
  ];
  if (columns.length === 0 || random() < 0.5)
    return back(`DELETE FROM ${table} WHERE ${row}`, `INSERT INTO ${table} SELECT kept.*`);
  const { name, value } = oneOf(columns, random);
  const set = `UPDATE ${table} SET ${quoted(name)} =`;
  return back(`${set} ${literal(value(random))} WHERE ${row}`, `${set} kept.${quoted(name)} WHERE ${row}`);
};

const remove: Step = (of, random) => [`DELETE FROM ${of.table.table} WHERE ${isKey(of, oneOf(of.keys, random))}`];

/** Deletes a row, and makes one of its key that may be another. */
const replace: Step = (of, random) => {
  const key = oneOf(of.keys, random);
  return [`DELETE FROM ${of.table.table} WHERE ${isKey(of, key)}`, ...put({ ...of, keys: [key] }, random)];
};

const rekey: Step = (of, random) => {
  const [from, to] = [oneOf(of.keys, random), oneOf(of.keys, random)];
  const { table, key } = of.table;
  const other = key.map((name, i) => `${quoted(name)} = ${literal(to[i]!)}`);
  return [
    `UPDATE ${table} SET ${other.join(', ')} WHERE ${isKey(of, from)}
     AND NOT EXISTS (SELECT FROM ${table} WHERE ${isKey(of, to)})`,
  ];
};

const enlarge: Step = (of, random) => {
  if (!of.large) return [];
  const value = `(SELECT string_agg(md5('${Math.floor(random() * 7)}' || i), '') FROM generate_series(1, 90) AS i)`;
  return [`UPDATE ${of.table.table} SET ${quoted(of.large)} = ${value} WHERE ${isKey(of, oneOf(of.keys, random))}`];
};

const rolledBack: Step = (of, random) => [
  'SAVEPOINT before',
  ...set(of, random),
  ...remove(of, random),
  'ROLLBACK TO before',
];

const truncate: Step = (of, random) => (random() < 0.3 ? [`TRUNCATE ${of.table.table}`] : []);

/** Mostly rows are made and changed, or none would be there. */
const steps: readonly Step[] = [
  ...[put, put, put, put, set, set, set, set, rekey, rekey, enlarge, enlarge],
  ...[touch, thereAndBack, remove, replace, rolledBack, truncate],
];

const signatures = [
  '{"actor": "ann", "command": "A"}',
  '{"actor": "bob", "command": "B"}',
  '{"command": "C"}',
  '{"actor": 1}',
];

/** Who changed a row of the table, or did not. */
const signed = ({ table, keys }: MadeUpTable, events: string, random: Random): string =>
  `INSERT INTO ${events} (stream_id, metadata) VALUES
   (${literal(`${table.table}:${oneOf(keys, random).join('/')}`)}, '${oneOf(signatures, random)}')`;

/** The last column but the key's goes, and the first of the source's others comes. */
function renewed({ table, more }: MadeUpTable): Table {
  const { untracked = [], columns } = table;
  if (!more) return table;
  const [added, dropped] = [more[0]!, stateColumns(table).at(-1)!.name];
  const words = { label: added, description: added };
  return {
    ...table,
    columns: [
      ...columns.filter(({ name }) => name !== dropped),
      { name: added, type: 'text', nullable: true, ...words },
    ],
    untracked: untracked.filter((name) => name !== added),
  };
}

const sourceTable = ({ table, more = [] }: MadeUpTable): SourceTable => ({
  ...{ table: table.table, key: table.key },
  columns: [
    ...table.columns.map((column) => [column.name, sourceType(column)] as const),
    ...more.map((name) => [name, 'text'] as const),
  ],
});

export interface MadeUp {
  readonly name: string;
  /** Those before the counter are written by transactions that overlap, in that order. */
  readonly early: readonly MadeUpTable[];
  readonly late: readonly MadeUpTable[];
  /** Of the events. */
  readonly events: string;
  readonly kinds: World['tables'];
}

export function madeUp({ name, early, late, events, kinds }: MadeUp): World {
  const all = [...early, ...late];
  const catalogOf = (entry: (of: MadeUpTable) => Table): Catalog => ({
    ...{ name, tables: [...all.map(entry), counters] },
    events: { table: events, key: ['stream_id', 'version'] },
  });
  const eventTable: SourceTable = {
    ...{ table: events, key: ['stream_id', 'version'] },
    columns: [
      ['stream_id', 'text'],
      ['version', 'bigserial'],
      ['metadata', 'jsonb'],
    ],
  };
  const counterTable = {
    table: 'counters',
    key: ['id'],
    columns: [
      ['id', 'text'],
      ['n', 'bigint'],
    ] as const,
  };
  const stored = all.flatMap(({ table, large }) =>
    large ? `ALTER TABLE ${table.table} ALTER ${quoted(large)} SET STORAGE EXTERNAL;` : [],
  );
  return {
    ...{ name, tables: kinds, catalogs: [catalogOf(({ table }) => table), catalogOf(renewed)] },
    ddl: recordedTables(name, [...all.map(sourceTable), eventTable, counterTable]) + stored.join('') + firstCount,
    statementsOf: (random) => {
      const some = (tables: readonly MadeUpTable[], likely: number) => tables.filter(() => random() < likely);
      const done = some(late, 0.6);
      const [before, after] = [some(early, 0.4), done].map((tables) =>
        tables.flatMap((of) => oneOf(steps, random)(of, random)),
      );
      const signs = some(all, 0.3).map((of) => signed(of, events, random));
      return [...before!, count, ...after!, ...signs];
    },
  };
}
