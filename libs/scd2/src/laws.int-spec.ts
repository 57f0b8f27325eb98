/**
 * The laws of versions (DESIGN.md, section 7) as properties: whatever happens to a table, however its changes are cut into
 * refreshes and folds, the answers are those of a plain replay, transaction by transaction, written here with typing rules
 * of its own.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkCatalog, type Column, type ColumnType, type Table } from '#libs/catalog';
import { foldSql } from './fold.js';
import { noQuarantineSql, openQuarantineSql, quarantineTypes } from './quarantine.js';
import { allVersionsSql, asOfSql, currentSql, quarantinedSql } from './read-view.js';
import { compactSql, forgetSql, loadSql, memoryDdl, memoryTables } from './reader-memory.js';
import { refresh, refreshBySql } from './refresh.js';
import { stepsSql } from './steps.js';
import { identifier, typedSql } from './typing.js';
import { noVersionsSql, versionColumns } from './version.js';

const runs = Number(process.env.RUNS ?? 8);
/** Milliseconds. */
const timeout = 30_000 + runs * 5000;
const seed = process.env.SEED ? { seed: Number(process.env.SEED) } : {};

// ---------------------------------------------------------------------------------------------------------- catalogs

const column = (name: string, type: ColumnType): Column => ({ name, type, label: name, description: name });

function table(name: string, key: string[], columns: Record<string, ColumnType>): Table {
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

const students = table('student', ['id'], {
  id: 'text',
  major: 'text',
  gpa: 'numeric(3,2)',
  date_of_birth: 'date',
  year_of_study: 'smallint',
});
/** Its columns are named like what the SQL calls things, and the key stands in another order than the columns. */
const samples = table('sample', ['taken_on', 'select', 'site'], {
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
const rooms = table('room', ['number'], { number: 'integer', open: 'boolean', since: 'timestamptz' });
const enrollments = table('enrollment', ['student_id', 'course_id'], { student_id: 'text', course_id: 'text' });
const stays = table('stay', ['arrived', 'single'], { arrived: 'timestamptz', single: 'boolean', nights: 'smallint' });
const tables = [students, samples, rooms, enrollments, stays];
checkCatalog({ name: 'laws', tables });

// ------------------------------------------------------------------------------------------------ changes of a table

type Row = Record<string, string | null>;

interface Change {
  position: number;
  tx: number;
  /** A position that cuts after the transaction and before the next of this table. */
  cut: number;
  at: bigint;
  op: 'c' | 'u' | 'd' | 't' | 'r';
  key: string[] | null;
  after: Row | null;
  actor: string | null;
  command: string;
}

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

/** Texts by type: usual ones, few enough to meet again; and those that look like a value and are none, or nearly. */
const texts: Record<string, { good: string[]; odd: string[] }> = {
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
  students: [['S1'], ['S2'], ['S3'], ['é"]\\'], ['']],
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

/** A value's text, NULL, or absence (undefined). */
const value = (type: ColumnType, bad: number) =>
  fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom(...texts[type]!.good) },
    { weight: 3, arbitrary: fc.constantFrom(null, undefined) },
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
  return fc
    .record({ version: fc.constantFrom('1', '2'), ...values })
    .map((row) => Object.fromEntries(Object.entries(row).filter(([, text]) => text !== undefined)) as Row);
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
function changesOf(
  of: Table,
  history: { actions: Action[]; gap: number; pause: number; actor: string | null }[],
): Change[] {
  const changes: Change[] = [];
  const last = new Map<number, Row>();
  let [position, at] = [1, 1_770_000_000_000_000n];
  for (const { actions, gap, pause, actor } of history) {
    const tx = position;
    at += BigInt(1 + pause);
    const write = (op: Change['op'], key: number | null, row: Row | null) => {
      const texts = key === null ? null : keys[of.table]![key]!;
      const after = row && { ...Object.fromEntries(of.key.map((name, i) => [name, texts![i]!])), ...row };
      changes.push({ position, tx, cut: 0, at, op, key: texts, after, actor, command: `command ${position++}` });
      if (row) last.set(key!, row);
    };
    const before = (key: number): Row => last.get(key) ?? {};
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

// ---------------------------------------------------------------------------------------------------------- the oracle

const isDay = (year: number, month: number, day: number): boolean => {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 1 && day >= 1 && day <= ([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
};

/** What a text means as a value of the type, in one canonical form; undefined if nothing. */
function meaning(text: string, type: ColumnType): string | undefined {
  if (type === 'text') return text;
  if (type === 'boolean') return { t: 'true', true: 'true', f: 'false', false: 'false' }[text];
  if (type === 'date' || type === 'timestamptz') {
    const parts = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00)?$/.exec(text);
    if (!parts || (parts[4] !== undefined) !== (type === 'timestamptz')) return undefined;
    const [year, month, day, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map((part) => Number(part ?? 0));
    if (!isDay(year!, month!, day!) || hour > 23 || minute > 59 || second > 59) return undefined;
    if (type === 'date') return text;
    const moment = new Date(0);
    moment.setUTCFullYear(year!, month! - 1, day!);
    moment.setUTCHours(hour, minute, second);
    return String(BigInt(moment.getTime()) * 1000n + BigInt((parts[7] ?? '').padEnd(6, '0')));
  }
  const bits = { smallint: 16, integer: 32, bigint: 64 }[type as string];
  if (bits) {
    if (!/^-?\d+$/.test(text)) return undefined;
    return BigInt.asIntN(bits, BigInt(text)) === BigInt(text) ? String(BigInt(text)) : undefined;
  }
  const [precision, scale] = /(\d+),(\d+)/.exec(type)!.slice(1).map(Number) as [number, number];
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  const [whole, fraction] = [parts?.[2] ?? '', parts?.[3] ?? ''];
  if (!parts || /[^0]/.test(fraction.slice(scale))) return undefined;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  if (digits >= 10n ** BigInt(precision)) return undefined;
  const padded = String(digits).padStart(scale + 1, '0');
  const sign = digits > 0n ? parts[1] : '';
  return sign + (scale ? `${padded.slice(0, -scale)}.${padded.slice(-scale)}` : padded);
}

/** What the source holds at the end, if it types: row after row, no matter in which transaction. */
function sourceRows(of: Table, changes: readonly Change[]): string[] {
  const source = new Map<string, (string | null | undefined)[]>();
  for (const { op, key, after } of changes) {
    if (op === 't') source.clear();
    else {
      const row: Row = { ...after, ...Object.fromEntries(of.key.map((name, i) => [name, key![i]!])) };
      const typed = of.columns.map(({ name, type }) => (row[name] == null ? null : meaning(row[name], type)));
      const identity = JSON.stringify(
        of.key.map((name) => typed[of.columns.findIndex((one) => one.name === name)] ?? key),
      );
      if (op === 'd') source.delete(identity);
      else source.set(identity, after ? typed : [undefined]);
    }
  }
  const rows = [...source.values()].filter((row) => !row.includes(undefined));
  return rows.map((row) => JSON.stringify(row)).sort();
}

interface Interval {
  key: string[];
  keyMeaning: (string | undefined)[];
  /** null = unknown */
  values: (string | null)[] | null;
  raw: Row | null;
  opened: Change;
  closed: Change | null;
}

/** Plain replay: after each transaction, what is each key's state, and is it another than before? */
function replay(of: Table, changes: readonly Change[]): { versions: Interval[]; unknown: Interval[] } {
  const columns = of.columns.filter(({ name }) => !of.key.includes(name));
  const keyTypes = of.key.map((name) => of.columns.find((one) => one.name === name)!.type);
  const intervals: Interval[] = [];
  const open = new Map<string, { state: string; interval: Interval }>();
  for (const transaction of Map.groupBy(changes, ({ tx }) => tx).values()) {
    const after = new Map<string, Change>();
    for (const change of transaction) {
      const typed = change.key?.map((text, i) => meaning(text, keyTypes[i]!));
      const identity = JSON.stringify(typed?.includes(undefined) ? ['stray', change.key] : typed);
      if (change.op === 't') for (const key of new Set([...open.keys(), ...after.keys()])) after.set(key, change);
      else after.set(identity, change);
    }
    for (const [identity, change] of after) {
      const visible = open.get(identity);
      if (change.op === 'd' || change.op === 't') {
        if (visible) visible.interval.closed = change;
        open.delete(identity);
        continue;
      }
      const texts = columns.map(({ name }) => change.after?.[name] ?? null);
      const values = texts.map((text, i) => (text === null ? null : meaning(text, columns[i]!.type)));
      const keyMeaning = change.key!.map((text, i) => meaning(text, keyTypes[i]!));
      const known = change.after !== null && !values.includes(undefined) && !keyMeaning.includes(undefined);
      const state = JSON.stringify(known ? ['row', values] : ['unknown', texts]);
      if (state === visible?.state) continue;
      if (visible) visible.interval.closed = change;
      const raw = known ? null : Object.fromEntries(columns.map(({ name }, i) => [name, texts[i]!]));
      const interval: Interval = {
        ...{ key: change.key!, keyMeaning, values: known ? (values as (string | null)[]) : null, raw },
        ...{ opened: change, closed: null },
      };
      open.set(identity, { state, interval });
      intervals.push(interval);
    }
  }
  return { versions: intervals.filter(({ values }) => values), unknown: intervals.filter(({ values }) => !values) };
}

// --------------------------------------------------------------------------------------------- the lake and the reader

let instance: DuckDBInstance;
let connection: DuckDBConnection;
let folder: string;

beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
  await connection.run(`SET TimeZone = 'UTC'`);
  folder = await mkdtemp(join(tmpdir(), 'scd2-laws-'));
});
afterAll(async () => {
  connection.closeSync();
  await rm(folder, { recursive: true });
});

const rows = async (sql: string) => (await connection.runAndReadAll(sql)).getRowsJson() as (string | null)[][];
const quoted = (text: string | null) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

async function inTransaction(statements: readonly string[]): Promise<void> {
  for (const sql of ['BEGIN', ...statements, 'COMMIT']) await connection.run(sql);
}

/** Few changes go by plain code, unless something does not type; many keys by a semi join. */
type Way = 'by size' | 'by index' | 'by semi join';

/** Columns as text; instants in microseconds. */
function columnTexts(of: Table, names: readonly string[]): string {
  const instants = [
    'valid_from',
    'valid_to',
    ...of.columns.filter(({ type }) => type === 'timestamptz').map(({ name }) => name),
  ];
  return names
    .map((name) => (instants.includes(name) ? `epoch_us(${identifier(name)})` : identifier(name)))
    .map((column) => `${column}::VARCHAR`)
    .join(', ');
}

/** One table: its changelog, its lake, and a reader that follows. */
class Subject {
  static #count = 0;
  readonly #name = `subject_${++Subject.#count}`;
  #files = { closed: '', open: '', quarantine: '' };
  #generation = 0;
  #stored: string[] = [];
  applied = 0;
  folded = 0;

  constructor(
    readonly table: Table,
    readonly changes: readonly Change[],
    readonly parquet: boolean,
  ) {}

  async start(): Promise<this> {
    await connection.run('ROLLBACK').catch(() => {}); // what a failed case left open would fail all that shrink it
    await connection.run(`CREATE OR REPLACE TABLE changelog (position BIGINT, tx_position BIGINT, effective_at TIMESTAMPTZ,
      op VARCHAR, key VARCHAR, after VARCHAR, actor VARCHAR, command VARCHAR)`);
    const values = this.changes
      .toReversed()
      .map(({ position, tx, at, op, key, after, actor, command }) =>
        [
          ...[position, tx, `make_timestamptz(${at})`, quoted(op), quoted(key && JSON.stringify(key))],
          ...[quoted(after && JSON.stringify(after)), quoted(actor), quoted(command)],
        ].join(', '),
      );
    if (values.length > 0) await connection.run(`INSERT INTO changelog VALUES (${values.join('), (')})`);
    this.#files = {
      closed: await this.#store(noVersionsSql(this.table)),
      open: await this.#store(noVersionsSql(this.table)),
      quarantine: await this.#store(noQuarantineSql()),
    };
    await this.restart();
    return this;
  }

  async #store(sql: string): Promise<string> {
    const name = `${this.#name}_${++this.#generation}`;
    const file = join(folder, `${name}.parquet`);
    await connection.run(
      this.parquet ? `COPY (${sql}) TO '${file}' (FORMAT parquet, COMPRESSION zstd)` : `CREATE TABLE ${name} AS ${sql}`,
    );
    this.#stored.push(this.parquet ? file : name);
    return this.parquet ? `read_parquet('${file}')` : name;
  }

  async end(): Promise<void> {
    for (const name of this.#stored) await (this.parquet ? rm(name) : connection.run(`DROP TABLE ${name}`));
  }

  #between(from: number, to: number): string {
    return `(SELECT * FROM changelog WHERE position > ${from} AND position <= ${to})`;
  }

  /** Where the table's transactions after `from` may be cut. */
  cuts(from = 0, upto = Infinity): number[] {
    return [...new Set(this.changes.map(({ cut }) => cut))].filter((cut) => cut > from && cut <= upto);
  }

  /** A reader starts on the files as they are; what they have not folded it reads again. */
  async restart(): Promise<void> {
    const fold = { open: this.#files.open, quarantine: this.#files.quarantine, foldPosition: this.folded };
    for (const sql of [...memoryDdl(this.table), ...loadSql(this.table, fold)]) await connection.run(sql);
    const upto = this.applied;
    this.applied = this.folded;
    if (upto > this.applied) await this.refreshTo(upto, 'by semi join');
  }

  async refreshTo(cut: number, way: Way, outcome: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): Promise<void> {
    const changes = this.#between(this.applied, cut);
    await connection.run('BEGIN');
    if (way === 'by size') await refresh(connection, this.table, { changes });
    else await refreshBySql(connection, this.table, changes, way === 'by index' ? Infinity : 0);
    await connection.run(outcome);
    if (outcome === 'COMMIT') this.applied = cut;
  }

  /** A fold publishes the quarantine first; `crashed` after that, it has changed nothing that anybody may see. */
  async foldTo(cut: number, crashed = false): Promise<void> {
    const { open, quarantine } = this.#files;
    const truncated = this.changes.some(({ op, cut: at }) => op === 't' && at > this.folded && at <= cut);
    const rest = `(${openQuarantineSql(this.table, quarantine, this.folded)})`;
    const changes = this.#between(this.folded, cut);
    await connection.run(
      `CREATE OR REPLACE TEMP TABLE fold_steps AS ${stepsSql(this.table, { changes, open, rest, truncated })}`,
    );
    const fold = foldSql(this.table, { steps: 'fold_steps', open, quarantine, foldPosition: this.folded });
    const [[changed]] = (await rows(fold.quarantineChanged)) as unknown as [[boolean]];
    if (changed) this.#files.quarantine = await this.#store(fold.quarantine);
    if (crashed) return;
    this.#files.closed = await this.#store(`SELECT * FROM ${this.#files.closed} UNION ALL ${fold.closed}`);
    this.#files.open = await this.#store(fold.open);
    this.folded = cut;
    await inTransaction(forgetSql(this.table, cut));
  }

  #text(): string {
    return columnTexts(this.table, [...versionColumns(this.table), 'is_current']);
  }

  /** Cuts to ask as of: now, at the fold, and two more, others each time. */
  #points(): number[] {
    const cuts = [0, ...this.cuts(0, this.applied)];
    const some = [this.folded, this.folded + this.applied].map((n) => cuts[(7 * n + 3) % cuts.length]!);
    return [...new Set([this.applied, this.folded, ...some])];
  }

  /** Everything a reader can be asked, once with the open versions of the files, once with those in memory. */
  async answers(): Promise<Record<string, string[]>> {
    const { closed, quarantine } = this.#files;
    const answers: Record<string, string[]> = {};
    const lines = async (sql: string) => (await rows(sql)).map((row) => JSON.stringify(row)).sort();
    for (const open of [this.#files.open, memoryTables(this.table).open]) {
      const where = open === this.#files.open ? 'files' : 'memory';
      const asOf = (point: number) =>
        asOfSql(this.table, { closed: point >= this.folded ? null : closed, open }, point);
      const ask = async (name: string, sql: string) => (answers[`${name}, ${where}`] = await lines(sql));
      await ask('all versions', `SELECT ${this.#text()} FROM (${allVersionsSql(this.table, { closed, open })})`);
      await ask('current', `SELECT ${this.#text()} FROM (${currentSql(this.table, { open })})`);
      await ask(
        'as of',
        this.#points()
          .map((p) => `SELECT '${p}', ${this.#text()} FROM (${asOf(p)})`)
          .join(' UNION ALL '),
      );
    }
    const columns = columnTexts(this.table, Object.keys(quarantineTypes));
    const intervals = quarantinedSql(this.table, { quarantine, foldPosition: this.folded });
    answers.quarantine = await lines(`SELECT ${columns} FROM (${intervals})`);
    return answers;
  }

  /** Versions and quarantine for reading by eye, the surrogate key first. */
  async lines(): Promise<string[]> {
    const { closed, quarantine } = this.#files;
    const versions = allVersionsSql(this.table, { closed, open: memoryTables(this.table).open });
    const intervals = quarantinedSql(this.table, { quarantine, foldPosition: this.folded });
    const told = await rows(`
      SELECT student_key, id || ': ' || coalesce(major, 'NULL'), opened_tx, closed_tx FROM (${versions})
      UNION ALL SELECT position, (key->>'$[0]') || ': unknown', opened_tx, closed_tx FROM (${intervals}) ORDER BY 1`);
    return told.map(([key, text, from, to]) => `${key} ${text} [${from}, ${to ?? ''})`);
  }

  /** What the answers must be. */
  expected(): Record<string, string[]> {
    const { versions, unknown } = replay(
      this.table,
      this.changes.filter(({ cut }) => cut <= this.applied),
    );
    const lines = (of: (string | null)[][]) => of.map((row) => JSON.stringify(row)).sort();
    const row = (version: Interval) => versionRow(this.table, version);
    const shows = ({ opened, closed }: Interval, point: number) => opened.tx <= point && (!closed || closed.tx > point);
    const current = lines(versions.filter(({ closed }) => !closed).map(row));
    const all = lines(versions.map(row));
    const asOf = lines(
      this.#points().flatMap((p) => versions.filter((v) => shows(v, p)).map((v) => [String(p), ...row(v)])),
    );
    return {
      ...{ 'all versions, files': all, 'all versions, memory': all },
      ...{ 'current, files': current, 'current, memory': current, 'as of, files': asOf, 'as of, memory': asOf },
      quarantine: lines(unknown.map((interval) => quarantineRow(this.table, interval))),
    };
  }
}

const end = (closed: Change | null): [string | null, string | null] =>
  closed ? [String(closed.at), String(closed.tx)] : [null, null];

function versionRow(of: Table, { keyMeaning, values, opened, closed }: Interval): (string | null)[] {
  const state = of.columns.filter(({ name }) => !of.key.includes(name)).map(({ name }) => name);
  const [validTo, closedTx] = end(closed);
  return [
    String(opened.position),
    ...of.columns.map(({ name }) =>
      of.key.includes(name) ? keyMeaning[of.key.indexOf(name)]! : values![state.indexOf(name)]!,
    ),
    ...[String(opened.at), validTo, String(opened.tx), closedTx, opened.actor, opened.command, String(!closed)],
  ];
}

function quarantineRow(of: Table, { key, raw, opened, closed }: Interval): (string | null)[] {
  const [validTo, closedTx] = end(closed);
  return [
    ...[
      of.table,
      String(opened.position),
      JSON.stringify(key),
      JSON.stringify(raw),
      String(opened.tx),
      String(opened.at),
    ],
    ...[closedTx, validTo, opened.actor, opened.command],
  ];
}

// ------------------------------------------------------------------------------------------------------- the property

type Event =
  | { happens: 'refresh' | 'failed refresh'; transactions: number; way: Way }
  | { happens: 'fold'; share: number; crashed: boolean }
  | { happens: 'restart' }
  | { happens: 'compaction' };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      happens: fc.constantFrom('refresh' as const, 'refresh' as const, 'refresh' as const, 'failed refresh' as const),
      transactions: fc.constantFrom(1, 1, 1, 2, 3, 8),
      way: fc.constantFrom<Way[]>('by size', 'by size', 'by size', 'by index', 'by semi join'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      happens: fc.constant('fold' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      crashed: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom({ happens: 'restart' as const }, { happens: 'compaction' as const }) },
);

const caseOf = (of: Table) =>
  fc.record({
    history: fc.constantFrom(0, 1, 12).chain((bad) =>
      fc.array(
        fc.record({
          actions: fc.array(actionOn(of, bad), { minLength: 1, maxLength: 4 }),
          gap: fc.nat(2),
          pause: fc.nat(10_000_000),
          actor: fc.constantFrom(null, 'ann', 'bob'),
        }),
        { minLength: 1, maxLength: 14, size: 'max' },
      ),
    ),
    events: fc.array(event, { maxLength: 24, size: 'max' }),
    parquet: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

/** Returns whether it could. */
async function happen(subject: Subject, one: Event): Promise<boolean> {
  const next = subject.cuts(subject.applied);
  const foldable = subject.cuts(subject.folded, subject.applied);
  if (one.happens === 'restart') await subject.restart();
  else if (one.happens === 'compaction') await inTransaction(compactSql(subject.table));
  else if (one.happens === 'fold') {
    if (foldable.length === 0) return false;
    await subject.foldTo(foldable[Math.floor(one.share * (foldable.length - 1))]!, one.crashed);
  } else {
    if (next.length === 0) return false;
    const cut = next[Math.min(one.transactions, next.length) - 1]!;
    await subject.refreshTo(cut, one.way, one.happens === 'refresh' ? 'COMMIT' : 'ROLLBACK');
  }
  return true;
}

describe.each(tables.map((of) => [of.table, of] as const))('the versions of %s', (_, of) => {
  it(
    `are those of a plain replay, whatever happens and however it is cut (laws 1 to 9; ${runs} histories)`,
    async () => {
      const property = fc.asyncProperty(caseOf(of), async ({ history, events, parquet }) => {
        const subject = await new Subject(of, changesOf(of, history), parquet).start();
        for (const one of [...events, ...rest]) {
          if (!(await happen(subject, one))) continue;
          expect(await subject.answers()).toEqual(subject.expected());
        }
        await subject.end();
      });
      const rest: Event[] = [
        ...Array.from({ length: 14 }, () => ({ happens: 'refresh', transactions: 1, way: 'by size' }) as const).slice(
          7,
        ),
        { happens: 'refresh', transactions: Infinity, way: 'by semi join' },
        { happens: 'fold', share: 1, crashed: false },
      ];
      await fc.assert(property, { numRuns: runs, ...seed });
    },
    timeout,
  );
});

// ---------------------------------------------------------------------------------------------------- the laws by name

type Told = [op: Change['op'], key: string | null, row?: Row | null];

const put = (key: string, row: Row): Told => ['u', key, row];
const remove = (key: string): Told => ['d', key];
const truncate: Told = ['t', null];
const snapshot = (...rows: [key: string, row: Row][]): Told[] => [
  truncate,
  ...rows.map(([key, row]): Told => ['r', key, row]),
];

const cs = { major: 'CS', gpa: '3.50' };
const math = { major: 'Math', gpa: '3.50' };

/** Transaction n begins at position n * step. */
const changesOfTold = (transactions: Told[][], step = 10): Change[] =>
  transactions.flatMap((told, n) => {
    const transaction = {
      tx: step * (n + 1),
      cut: step * (n + 2) - 1,
      at: BigInt(n + 1) * 1_000_000n,
      actor: `actor ${n + 1}`,
    };
    return told.map(([op, key, row], i) => ({
      ...{ ...transaction, position: transaction.tx + i, op, key: key === null ? null : [key], after: row ?? null },
      command: `command ${n + 1}.${i}`,
    }));
  });

const subjectOf = (...transactions: Told[][]): Promise<Subject> =>
  new Subject(students, changesOfTold(transactions), false).start();

/** The students' versions and quarantine as `key: major [from, to)`, the same transaction by transaction, at once and folded. */
async function versionsOf(...transactions: Told[][]): Promise<string[]> {
  const apart = await subjectOf(...transactions);
  for (const cut of apart.cuts()) await apart.refreshTo(cut, 'by size');
  const lines = await apart.lines();
  await apart.foldTo(apart.applied);
  expect(await apart.lines()).toEqual(lines);
  const atOnce = await subjectOf(...transactions);
  await atOnce.refreshTo(atOnce.cuts().at(-1)!, 'by index');
  expect(await atOnce.lines()).toEqual(lines);
  return lines;
}

describe('law 1: half-open intervals that never overlap', () => {
  it('ends a version where the next begins', async () => {
    expect(await versionsOf([put('S1', cs)], [put('S1', math)])).toEqual(['10 S1: CS [10, 20)', '20 S1: Math [20, )']);
  });
});

describe('law 2: order is the position', () => {
  it('shows at a cut what opened at or before it and has not closed by it', async () => {
    const subject = await subjectOf([put('S1', cs)], [put('S1', math)], [remove('S1')]);
    await subject.refreshTo(39, 'by size');
    const files = { closed: null, open: memoryTables(students).open };
    const majors = async (cut: number) => rows(`SELECT major, closed_tx FROM (${asOfSql(students, files, cut)})`);
    expect(await majors(9)).toEqual([]);
    expect(await majors(10)).toEqual([['CS', '20']]);
    expect(await majors(19)).toEqual([['CS', '20']]);
    expect(await majors(20)).toEqual([['Math', '30']]);
    expect(await majors(30)).toEqual([]);
  });

  it('takes the last change by position, in whatever order the changes lie', async () => {
    expect(await versionsOf([put('S1', cs), put('S1', math)])).toEqual(['11 S1: Math [10, )']);
  });
});

describe('laws 3 and 4: one rule makes every version', () => {
  it('gives key, actor and command of the last change', async () => {
    const subject = await subjectOf([put('S1', cs), put('S1', math)]);
    await subject.refreshTo(19, 'by size');
    const open = memoryTables(students).open;
    expect(await rows(`SELECT student_key, actor, command FROM (${currentSql(students, { open })})`)).toEqual([
      ['11', 'actor 1', 'command 1.1'],
    ]);
  });

  it.each([
    ['several changes in one transaction are one version', [[put('S1', cs), put('S1', math)]], ['11 S1: Math [10, )']],
    ['created and deleted in one transaction is none', [[put('S1', cs), remove('S1')]], []],
    [
      'there and back in one transaction is none',
      [[put('S1', cs)], [put('S1', math), put('S1', cs)]],
      ['10 S1: CS [10, )'],
    ],
    [
      'deleted and re-inserted equal in one is none',
      [[put('S1', cs)], [remove('S1'), put('S1', cs)]],
      ['10 S1: CS [10, )'],
    ],
    ['an update that changes nothing is none', [[put('S1', cs)], [put('S1', cs)]], ['10 S1: CS [10, )']],
    ['an untracked column is nothing', [[put('S1', cs)], [put('S1', { ...cs, version: '2' })]], ['10 S1: CS [10, )']],
    ['a delete closes', [[put('S1', cs)], [remove('S1')]], ['10 S1: CS [10, 20)']],
    [
      'a re-insert opens after a gap',
      [[put('S1', cs)], [remove('S1')], [put('S2', cs)], [put('S1', cs)]],
      ['10 S1: CS [10, 20)', '30 S2: CS [30, )', '40 S1: CS [40, )'],
    ],
    ['a delete of an unknown key opens nothing', [[remove('S1')]], []],
    [
      'a truncate closes every open version',
      [[put('S1', cs), put('S2', math)], [truncate], [put('S1', cs)]],
      ['10 S1: CS [10, 20)', '11 S2: Math [10, 20)', '30 S1: CS [30, )'],
    ],
    [
      'NULL and the empty text differ',
      [[put('S1', { major: '' })], [put('S1', {})]],
      ['10 S1:  [10, 20)', '20 S1: NULL [20, )'],
    ],
  ] as [string, Told[][], string[]][])('%s', async (_, transactions, expected) => {
    expect(await versionsOf(...transactions)).toEqual(expected);
  });
});

describe('law 5: a changed primary key', () => {
  it('is a delete and a create', async () => {
    expect(await versionsOf([put('S1', cs)], [remove('S1'), put('S2', cs)])).toEqual([
      '10 S1: CS [10, 20)',
      '21 S2: CS [20, )',
    ]);
  });
});

describe('law 6: restart and chunking change no answer', () => {
  it('holds for more changes than plain code and more keys than the index takes', async () => {
    const many = Array.from({ length: 1200 }, (_, i) => `K${i}`);
    const transactions = [
      many.map((key) => put(key, cs)),
      many.slice(0, 501).map((key, i) => (i % 3 ? put(key, math) : remove(key))),
      many.slice(0, 500).map((key) => put(key, cs)),
    ];
    const subject = await new Subject(students, changesOfTold(transactions, 10_000), false).start();
    for (const cut of subject.cuts()) await subject.refreshTo(cut, 'by size');
    expect(await subject.answers()).toEqual(subject.expected());
    await subject.foldTo(subject.applied);
    expect(await subject.answers()).toEqual(subject.expected());
  });

  it('holds for a reader in the midst of a transaction, who sees nothing of refreshes and folds', async () => {
    const subject = await subjectOf([put('S1', cs), put('S2', cs)], [put('S1', math), remove('S2')], [put('S1', cs)]);
    await subject.refreshTo(19, 'by size');
    const other = await instance.connect();
    await other.run('BEGIN TRANSACTION READ ONLY');
    const files = { closed: null, open: memoryTables(students).open };
    const seen = async () =>
      (
        await other.runAndReadAll(`SELECT id, major, closed_tx FROM (${allVersionsSql(students, files)}) ORDER BY id`)
      ).getRowsJson();
    const before = [
      ['S1', 'CS', null],
      ['S2', 'CS', null],
    ];
    expect(await seen()).toEqual(before);
    await subject.refreshTo(29, 'by size');
    await subject.foldTo(29);
    await subject.refreshTo(39, 'by index');
    await subject.foldTo(39);
    expect(await seen()).toEqual(before);
    await other.run('COMMIT');
    expect(await seen()).toEqual([['S1', 'CS', null]]);
    other.closeSync();
  });
});

describe('law 7: columns come and go', () => {
  it('reads NULL where a column did not exist yet, and ignores one that the catalog does not know', async () => {
    expect(await versionsOf([put('S1', {})], [put('S1', { shoe_size: '44' })], [put('S1', { major: 'CS' })])).toEqual([
      '10 S1: NULL [10, 30)',
      '30 S1: CS [30, )',
    ]);
  });
});

describe('law 8: a snapshot is one transaction', () => {
  it('opens nothing for equal rows, opens changed ones and closes missing keys', async () => {
    const lines = await versionsOf(
      snapshot(['S1', cs], ['S2', cs], ['S3', cs]),
      snapshot(['S1', cs], ['S2', math], ['S4', cs]),
    );
    expect(lines).toEqual([
      '11 S1: CS [10, )',
      '12 S2: CS [10, 20)',
      '13 S3: CS [10, 20)',
      '22 S2: Math [20, )',
      '23 S4: CS [20, )',
    ]);
  });
});

describe('law 9: a value that does not type', () => {
  const nan = { major: 'CS', gpa: 'NaN' };

  it.each([
    [
      'closes the version and is unknown until the next that types',
      [[put('S1', cs)], [put('S1', nan)], [put('S1', cs)]],
      ['10 S1: CS [10, 20)', '20 S1: unknown [20, 30)', '30 S1: CS [30, )'],
    ],
    [
      'is a no-op with the same text again',
      [[put('S1', nan)], [put('S1', { ...nan, version: '2' })]],
      ['10 S1: unknown [10, )'],
    ],
    [
      'is another unknown with another text',
      [[put('S1', nan)], [put('S1', { ...nan, gpa: 'x' })]],
      ['10 S1: unknown [10, 20)', '20 S1: unknown [20, )'],
    ],
    ['ends with a delete', [[put('S1', nan)], [remove('S1')]], ['10 S1: unknown [10, 20)']],
    ['ends with a truncate', [[put('S1', nan)], [truncate]], ['10 S1: unknown [10, 20)']],
  ] as [string, Told[][], string[]][])('%s', async (_, transactions, expected) => {
    expect(await versionsOf(...transactions)).toEqual(expected);
  });

  it.each(Object.keys(texts) as ColumnType[])('is told from one that does, for %s', async (type) => {
    const all = [...new Set(Object.values(texts).flatMap(({ good, odd }) => [...good, ...odd]))];
    const typed = typedSql('text', type);
    const canonical = type === 'timestamptz' ? `epoch_us(${typed})` : typed;
    const got = await rows(
      `SELECT text, (${canonical})::VARCHAR FROM (VALUES ${all.map((text) => `(${quoted(text)})`).join(', ')}) AS v(text)`,
    );
    expect(Object.fromEntries(got)).toEqual(Object.fromEntries(all.map((text) => [text, meaning(text, type) ?? null])));
  });
});

describe('law 10: the open versions', () => {
  it(
    `are the source's rows that type (${runs} histories)`,
    async () => {
      const property = fc.asyncProperty(caseOf(samples), async ({ history }) => {
        const changes = changesOf(samples, history);
        const subject = await new Subject(samples, changes, false).start();
        await subject.refreshTo(subject.cuts().at(-1)!, 'by size');
        const current = currentSql(samples, { open: memoryTables(samples).open });
        const source = sourceRows(samples, changes);
        const shown = await rows(
          `SELECT ${columnTexts(
            samples,
            samples.columns.map(({ name }) => name),
          )} FROM (${current})`,
        );
        expect(shown.map((row) => JSON.stringify(row)).sort()).toEqual(source);
        await subject.end();
      });
      await fc.assert(property, { numRuns: runs, ...seed });
    },
    timeout,
  );
});
