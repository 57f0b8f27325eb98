/** Random histories of five tables: what happened, and the changes that a source would tell of it. */
import fc from 'fast-check';
import { checkCatalog, type Column, type ColumnType, type Table } from '#libs/catalog';
import type { Change, Row } from './change.js';

const column = (name: string, type: ColumnType): Column => ({ name, type, label: name, description: name });

/** A dimension `<name>s`. */
export function table(name: string, key: string[], columns: Record<string, ColumnType>): Table {
  const text = { label: name, description: name };
  return {
    table: `${name}s`,
    name,
    kind: 'dimension',
    key,
    columns: Object.entries(columns).map(([of, type]) => column(of, type)),
    untracked: ['version'],
    ...text,
  };
}

export const guests = table('guest', ['id'], {
  id: 'text',
  major: 'text',
  gpa: 'numeric(3,2)',
  date_of_birth: 'date',
  year_of_study: 'smallint',
});
/** Its columns are named like what the SQL calls things, and the key stands in another order than the columns. */
export const samples = table('sample', ['taken_on', 'select', 'site'], {
  s: 'timestamptz',
  site: 'text',
  t: 'boolean',
  select: 'numeric(4,1)',
  order: 'numeric(20,4)',
  taken_on: 'date',
  c: 'bigint',
  closing: 'numeric(38,0)',
  o: 'text',
});
export const rooms = table('room', ['number'], { number: 'integer', open: 'boolean', since: 'timestamptz' });
const enrollments = table('enrollment', ['guest_id', 'course_id'], { guest_id: 'text', course_id: 'text' });
const stays = table('stay', ['arrived', 'single'], { arrived: 'timestamptz', single: 'boolean', nights: 'smallint' });
export const tables = [guests, samples, rooms, enrollments, stays];
checkCatalog({ name: 'laws', tables });

type Action =
  | { does: 'put'; key: number; row: Row; op: 'c' | 'u' | 'r' }
  | { does: 'repeat'; key: number }
  | { does: 'delete'; key: number }
  | { does: 'recreate'; key: number }
  | { does: 'there and back'; key: number; row: Row }
  | { does: 'move'; key: number; to: number; row: Row }
  | { does: 'lose the row'; key: number }
  | { does: 'truncate' }
  | { does: 'snapshot'; rows: (Row | 'as before' | 'gone')[] };

export interface Transaction {
  readonly actions: readonly Action[];
  /** Columns that the source does not have then. */
  readonly lacks: readonly string[];
  readonly gap: number;
  readonly pause: number;
  readonly actor: string | null;
}

/** Texts by type: usual ones, few enough to meet again; and those that look like a value and are none, or nearly. */
export const texts: Record<string, { good: string[]; odd: string[] }> = {
  text: { good: ['CS', 'Math', '', 'NULL'], odd: ['null', `it's "né" \\ €`, 'ne\u0301', '{"a":1}', '\t\n', ' CS'] },
  boolean: { good: ['t', 'f'], odd: ['true', 'false', 'yes!', '', 'T', '1'] },
  smallint: { good: ['1', '2', '-3'], odd: ['1.5', '70000', '-32768', '32768', 'NaN', '', '1e1', ' 1', '+1', '١'] },
  integer: { good: ['1', '2', '-7'], odd: ['99999999999', '-2147483648', '2147483648', 'x', '1.0'] },
  bigint: {
    good: ['1', '-9007199254740993', '-9007199254740992'],
    odd: ['9223372036854775807', '9223372036854775808', '1.0', 'Infinity'],
  },
  date: {
    good: ['2004-05-01', '1999-12-31'],
    odd: [
      ...['0001-01-01', '9999-12-31', '10000-01-01', '0044-03-15 BC', 'infinity', '-infinity', '2004-02-30'],
      ...['2004-02-29', '2003-02-29', '0000-01-01', '2004-5-1', '2004-05-01 00:00:00', ''],
    ],
  },
  timestamptz: {
    good: ['2026-03-01 08:00:00+00', '2026-03-01 08:00:00.123456+00', '2026-03-01 08:00:00.123457+00'],
    odd: [
      ...['infinity', '-infinity', '2026-03-01 08:00:00.1+00', '2026-03-01 08:00:00.100+00', '2026-03-01 24:00:00+00'],
      ...['2026-03-01 08:00:00', '2026-03-01 09:00:00+01', '0044-03-15 08:00:00+00 BC', '10000-01-01 00:00:00+00'],
      ...[
        '9999-12-31 23:59:59.999999+00',
        '0001-01-01 00:00:00+00',
        '2026-02-29 08:00:00+00',
        '2026-03-01 08:00:60+00',
      ],
    ],
  },
  'numeric(3,2)': {
    good: ['3.50', '0.00', '4.00'],
    odd: ['3.5', '3.500', '3.456', '12.00', 'NaN', 'Infinity', '-Infinity', 'x', '', '1e0', '-0.00', '-9.99', '.5'],
  },
  'numeric(4,1)': { good: ['1.0', '999.9'], odd: ['1', '1000.0', '0.05', '-1.0'] },
  'numeric(20,4)': {
    good: ['1.0000', '-0.5000', '9007199254740993.0001', '9007199254740993.0002'],
    odd: ['9999999999999999.9999', '10000000000000000.0000', '9007199254740993.0001', '1.00001', 'NaN'],
  },
  'numeric(38,0)': {
    good: ['1', '99999999999999999999999999999999999999'],
    odd: ['100000000000000000000000000000000000000', '9007199254740993', '0.5', '2.0'],
  },
};

/** Keys as texts; the last ones do not type, where there are such, or spell a key before them anew. */
const keys: Record<string, string[][]> = {
  guests: [['S1'], ['S2'], ['S3'], ['é"]\\'], ['']],
  samples: [
    ...[
      ['2026-01-01', '1.0', 'A'],
      ['2026-01-01', '1.0', 'B'],
      ['2026-01-02', '1.0', 'A'],
      ['2026-01-01', '2.0', 'A'],
    ],
    ...[
      ['2026-01-01', '1', 'A'],
      ['infinity', '1.0', 'A'],
      ['2026-01-01', 'NaN', 'A'],
      ['2026-01-01', 'NaN', 'B'],
    ],
  ],
  rooms: [['1'], ['x'], ['y'], ['2'], ['99999999999'], ['01']],
  enrollments: [
    ['S1', 'C1'],
    ['S1', 'C2'],
    ['S2', 'C1'],
    ['S1C', '1'],
    ['S', '1C1'],
  ],
  stays: [
    ['2026-03-01 08:00:00+00', 't'],
    ['2026-03-01 08:00:00+00', 'f'],
    ['infinity', 't'],
    ['2026-03-01 08:00:00.5+00', 't'],
    ['-infinity', 't'],
  ],
};

/** A value's text, or NULL. */
const value = (type: ColumnType, bad: number) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...texts[type]!.good) },
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: bad, arbitrary: fc.constantFrom(...texts[type]!.odd) },
    {
      weight: bad,
      arbitrary:
        type === 'text'
          ? fc.string({ unit: 'grapheme' }).filter((s) => !s.includes('\0') && s.isWellFormed())
          : fc.stringMatching(/^-?[0-9]{0,5}[.:-]?[0-9]{0,6}$/),
    },
  );

function rowOf(of: Table, bad: number): fc.Arbitrary<Row> {
  const state = of.columns.filter(({ name }) => !of.key.includes(name));
  const values = Object.fromEntries(state.map(({ name, type }) => [name, value(type, bad)]));
  return fc.record({ version: fc.constantFrom('1', '2'), ...values }) as fc.Arbitrary<Row>;
}

function actionOn(of: Table, bad: number): fc.Arbitrary<Action> {
  const key = fc.oneof(fc.nat(1), fc.nat(keys[of.table]!.length - 1));
  const row = rowOf(of, bad);
  const kept = fc.oneof({ weight: 3, arbitrary: fc.constantFrom('as before' as const, 'gone' as const) }, row);
  return fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({ does: fc.constant('put' as const), key, row, op: fc.constantFrom('c', 'u', 'r') }),
    },
    { weight: 4, arbitrary: fc.record({ does: fc.constant('repeat' as const), key }) },
    { weight: 4, arbitrary: fc.record({ does: fc.constant('delete' as const), key }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('recreate' as const), key }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('there and back' as const), key, row }) },
    { weight: 2, arbitrary: fc.record({ does: fc.constant('move' as const), key, to: key, row }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant('lose the row' as const), key }) },
    { weight: 1, arbitrary: fc.constant({ does: 'truncate' as const }) },
    {
      weight: 2,
      arbitrary: fc.record({
        does: fc.constant('snapshot' as const),
        rows: fc.array(kept, { minLength: 2, maxLength: keys[of.table]!.length }),
      }),
    },
  ) as fc.Arbitrary<Action>;
}

/** Writes transactions of actions as changes; `gap` positions after a transaction belong to other tables. */
export function changesOf(of: Table, history: readonly Transaction[]): Change[] {
  const changes: Change[] = [];
  const last = new Map<number, Row>();
  const nulls = Object.fromEntries(
    of.columns.filter(({ name }) => !of.key.includes(name)).map(({ name }) => [name, null]),
  );
  let [position, at] = [1, 1_770_000_000_000_000n];
  for (const { actions, lacks, gap, pause, actor } of history) {
    const tx = position;
    at += BigInt(1 + pause);
    const write = (op: Change['op'], key: number | null, full: Row | null) => {
      const has = ([name]: [string, unknown]) => !lacks.includes(name);
      const row = full && Object.fromEntries(Object.entries(full).filter(has));
      const texts = key === null ? null : keys[of.table]![key]!;
      const after = row && { ...Object.fromEntries(of.key.map((name, i) => [name, texts![i]!])), ...row };
      changes.push({ position, tx, cut: 0, at, op, key: texts, after, actor, command: `command ${position++}` });
      if (full) last.set(key!, full);
    };
    const before = (key: number): Row => last.get(key) ?? nulls;
    for (const action of actions) {
      if (action.does === 'put') write(action.op, action.key, action.row);
      if (action.does === 'repeat') write('u', action.key, before(action.key));
      if (action.does === 'delete') write('d', action.key, null);
      if (action.does === 'truncate') write('t', null, null);
      if (action.does === 'recreate') {
        write('d', action.key, null);
        write('c', action.key, before(action.key));
      }
      if (action.does === 'there and back') {
        const row = before(action.key);
        write('u', action.key, action.row);
        write('u', action.key, row);
      }
      if (action.does === 'lose the row') write('u', action.key, null);
      if (action.does === 'move') {
        write('d', action.key, null);
        write('c', action.to, action.row);
      }
      if (action.does === 'snapshot') {
        write('t', null, null);
        action.rows.forEach((row, key) => row !== 'gone' && write('r', key, row === 'as before' ? before(key) : row));
      }
    }
    position += gap;
    for (const change of changes.filter((one) => one.tx === tx)) change.cut = position - 1;
  }
  return changes;
}
/** A column that is gone from one transaction to another; its rows keep what it held, as a restored backup would. */
const goneOf = (of: Table) =>
  fc.record({ column: fc.nat(of.columns.length - 1), from: fc.nat(13), count: fc.integer({ min: 1, max: 8 }) });

/** Transactions on a table; in some histories everything types, in some much does not, in some columns come and go. */
export const historyOf = (of: Table): fc.Arbitrary<Transaction[]> =>
  fc.constantFrom(0, 0, 1, 12).chain((bad) => {
    const transactions = fc.array(
      fc.record({
        actions: fc.array(actionOn(of, bad), { minLength: 1, maxLength: 4 }),
        gap: fc.nat(2),
        pause: fc.nat(10_000_000),
        actor: fc.constantFrom(null, 'ann', 'bob'),
      }),
      { minLength: 1, maxLength: 14, size: 'max' },
    );
    const gone = fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, fc.array(goneOf(of), { maxLength: 3 }));
    return fc.tuple(transactions, gone).map(([all, absences]) =>
      all.map((transaction, i) => ({
        ...transaction,
        lacks: absences
          .filter(({ from, count }) => i >= from && i < from + count)
          .map(({ column }) => of.columns[column]!.name),
      })),
    );
  });
