/** The laws of versions by their names, each with the smallest history that shows it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ColumnType, Table } from '#libs/catalog';
import { meaning } from '#libs/test-values';
import type { Change, Row } from '../test/change.js';
import { rooms, guests, table, texts } from '../test/histories.js';
import { quoted, Subject } from '../test/subject.js';
import { TestDuckDb } from '../test/test-duckdb.js';
import { allVersionsSql, asOfSql, currentSql } from './read-view.js';
import { typedSql } from './typing.js';

let duckdb: TestDuckDb;
beforeAll(async () => {
  duckdb = await TestDuckDb.open();
});
afterAll(() => duckdb.close());

const rows = (sql: string) => duckdb.rows(sql);

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

const subjectOf = (transactions: Told[][], of = guests): Promise<Subject> =>
  new Subject(duckdb, of, changesOfTold(transactions), false).start();

/** The lines of a subject, the same when told transaction by transaction, folded each time or at the end, and at once. */
async function linesOf(of: Table, transactions: Told[][]): Promise<string[]> {
  const apart = await subjectOf(transactions, of);
  for (const cut of apart.cuts()) await apart.refreshTo(cut, 'plainly');
  const lines = await apart.lines();
  await apart.foldTo(apart.applied);
  expect(await apart.lines()).toEqual(lines);
  const folded = await subjectOf(transactions, of);
  for (const cut of folded.cuts()) await folded.foldTo(cut, { reach: cut });
  expect(await folded.lines()).toEqual(lines);
  const atOnce = await subjectOf(transactions, of);
  await atOnce.refreshTo(atOnce.cuts().at(-1)!, 'by SQL');
  expect(await atOnce.lines()).toEqual(lines);
  return lines;
}

const versionsOf = (...transactions: Told[][]): Promise<string[]> => linesOf(guests, transactions);

describe('law 1: half-open intervals that never overlap', () => {
  it('ends a version where the next begins', async () => {
    expect(await versionsOf([put('S1', cs)], [put('S1', math)])).toEqual(['10 S1: CS [10, 20)', '20 S1: Math [20, )']);
  });
});

describe('law 2: order is the position', () => {
  it('shows at a cut what opened at or before it and has not closed by it', async () => {
    const subject = await subjectOf([[put('S1', cs)], [put('S1', math)], [remove('S1')]]);
    await subject.refreshTo(39, 'plainly');
    const files = { closed: null };
    const majors = async (cut: number) => rows(`SELECT major, closed_tx FROM (${asOfSql(guests, files, cut)})`);
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
    const subject = await subjectOf([[put('S1', cs), put('S1', math)]]);
    await subject.refreshTo(19, 'plainly');
    expect(await rows(`SELECT guest_key, actor, command FROM (${currentSql(guests)})`)).toEqual([
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
      [[put('S1', { major: '' })], [put('S1', { major: null })]],
      ['10 S1:  [10, 20)', '20 S1: NULL [20, )'],
    ],
  ] as [string, Told[][], string[]][])('%s', async (_, transactions, expected) => {
    expect(await versionsOf(...transactions)).toEqual(expected);
  });
});

describe('law 3: states are compared as what they are', () => {
  const readings = table('reading', ['id'], {
    id: 'text',
    count: 'bigint',
    amount: 'numeric(20,4)',
    taken: 'timestamptz',
    day: 'date',
  });

  it.each([
    ['count', '9007199254740992', '9007199254740993'],
    ['amount', '9007199254740993.0001', '9007199254740993.0002'],
    ['taken', '2026-03-01 08:00:00.123456+00', '2026-03-01 08:00:00.123457+00'],
    ['day', '2026-03-01', '2026-03-02'],
  ])('a %s of %s is not one of %s', async (column, one, other) => {
    const transactions = [
      [put('R', { [column]: one })],
      [put('R', { [column]: other })],
      [put('R', { [column]: other })],
    ];
    expect((await linesOf(readings, transactions)).map((line) => line.replace(/R: .* \[/, '['))).toEqual([
      '10 [10, 20)',
      '20 [20, )',
    ]);
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
  it('holds for more keys than a chunk of DuckDB and than its index serve', async () => {
    const many = Array.from({ length: 2500 }, (_, i) => `K${i}`);
    const transactions = [
      many.map((key) => put(key, cs)),
      many.slice(0, 501).map((key, i) => (i % 3 ? put(key, math) : remove(key))),
      many.slice(0, 500).map((key) => put(key, cs)),
    ];
    for (const way of ['plainly', 'by SQL'] as const) {
      const subject = await new Subject(duckdb, guests, changesOfTold(transactions, 10_000), false).start();
      for (const cut of subject.cuts()) await subject.refreshTo(cut, way);
      expect(await subject.current()).toEqual(subject.expected().current);
      await subject.foldTo(subject.applied);
      expect(await subject.current()).toEqual(subject.expected().current);
    }
  });

  it('holds for a reader in the midst of a transaction, who sees nothing of refreshes and folds', async () => {
    const subject = await subjectOf([[put('S1', cs), put('S2', cs)], [put('S1', math), remove('S2')], [put('S1', cs)]]);
    await subject.refreshTo(19, 'plainly');
    const other = await duckdb.instance.connect();
    await other.run('BEGIN TRANSACTION READ ONLY');
    const files = { closed: null };
    const seen = async () =>
      (
        await other.runAndReadAll(`SELECT id, major, closed_tx FROM (${allVersionsSql(guests, files)}) ORDER BY id`)
      ).getRowsJson();
    const before = [
      ['S1', 'CS', null],
      ['S2', 'CS', null],
    ];
    expect(await seen()).toEqual(before);
    await subject.refreshTo(29, 'plainly');
    await subject.foldTo(29);
    await subject.refreshTo(39, 'by SQL');
    await subject.foldTo(39, { compacts: true });
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

  const [noMajor, noRow] = [{ gpa: '3.50' }, { major: null, gpa: null }];

  it.each([
    [
      'does not know what a column held that is gone, until it is back',
      [[put('S1', cs)], [put('S1', noMajor)], [put('S1', cs)]],
      ['10 S1: CS [10, 20)', '20 S1: unknown [20, 30)', '30 S1: CS [30, )'],
    ],
    [
      'leaves the keys alone that do not change meanwhile',
      [[put('S1', cs), put('S2', cs)], [put('S1', noMajor)]],
      ['10 S1: CS [10, 20)', '11 S2: CS [10, )', '20 S1: unknown [20, )'],
    ],
    [
      'tells a column that is NULL from one that is gone',
      [[put('S1', noRow)], [put('S1', noMajor)], [put('S1', noRow)]],
      ['10 S1: NULL [10, 20)', '20 S1: unknown [20, 30)', '30 S1: NULL [30, )'],
    ],
    [
      'is told that there is a column by another key, and in the midst of a transaction',
      [[put('S1', noMajor)], [put('S1', { gpa: '3.60' }), put('S2', cs), put('S3', noMajor)], [put('S1', noMajor)]],
      [
        '10 S1: NULL [10, 20)',
        '20 S1: NULL [20, 30)',
        '21 S2: CS [20, )',
        '22 S3: unknown [20, )',
        '30 S1: unknown [30, )',
      ],
    ],
    [
      'closes what is deleted while a column is gone',
      [[put('S1', cs), put('S2', cs)], [put('S1', noMajor)], [remove('S1'), remove('S2')]],
      ['10 S1: CS [10, 20)', '11 S2: CS [10, 30)', '20 S1: unknown [20, 30)'],
    ],
    [
      'knows of a column that came and went before the row that is there',
      [[put('S1', cs), remove('S1')], [put('S2', noMajor)]],
      ['20 S2: unknown [20, )'],
    ],
    [
      'does nothing again while the rest stays as it was',
      [[put('S1', cs)], [put('S1', noMajor)], [put('S1', { ...noMajor, version: '2' })], [put('S1', { gpa: '1.00' })]],
      ['10 S1: CS [10, 20)', '20 S1: unknown [20, 40)', '40 S1: unknown [40, )'],
    ],
  ] as [string, Told[][], string[]][])('%s', async (_, transactions, expected) => {
    expect(await versionsOf(...transactions)).toEqual(expected);
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
    [
      'is no row of NULLs',
      [[put('S1', nan)], [put('S1', { major: null, gpa: null })]],
      ['10 S1: unknown [10, 20)', '20 S1: NULL [20, )'],
    ],
    ['ends with a truncate', [[put('S1', nan)], [truncate]], ['10 S1: unknown [10, 20)']],
  ] as [string, Told[][], string[]][])('%s', async (_, transactions, expected) => {
    expect(await versionsOf(...transactions)).toEqual(expected);
  });

  it('is a key of its own in a key', async () => {
    expect(await linesOf(rooms, [[put('x', {})], [put('y', {})], [put('7', {})], [remove('x')]])).toEqual([
      '10 x: unknown [10, 40)',
      '20 y: unknown [20, )',
      '30 7: NULL [30, )',
    ]);
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
