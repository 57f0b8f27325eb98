/**
 * The list grammar on both engines that answer it: for random rows and random queries, DuckDB and Postgres (through
 * Prisma) list exactly what a plain evaluation of the grammar lists, page by page, without gap or repeat.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { PrismaPg } from '@prisma/adapter-pg';
import fc from 'fast-check';
import pg from 'pg';
import { openDuckDb } from '#libs/lake';
import {
  canonicalText,
  duckDbList,
  pageOf,
  parseListQuery,
  prismaList,
  textOfPrisma,
  type Filter,
  type ListField,
  type ListQuery,
  type ListSpec,
} from '#libs/list-query';
import { testDatabase, type TestDatabase } from '#libs/test-postgres';
import { university } from '#libs/university';
import { PrismaClient } from '../apps/command-api/src/generated/prisma/client.js';

type Texts = Record<string, string | null>;

const spec: ListSpec = { fields: university.tables[0]!.columns, key: ['id'] };
const runs = Number(process.env['RUNS'] ?? 60);

/** Few values, so that ties, nulls and hits are frequent; each would break a LIKE, a collation or a parser. */
const texts = [
  '',
  'a',
  'B',
  'b',
  '%',
  '_',
  '\\',
  "'",
  'a,b',
  '\\,',
  'é',
  'z',
  '\u{10000}',
  '\uffee',
  'a_b',
  'axb',
  'ﬀ"',
];
const values: Record<string, readonly (string | null)[]> = {
  first_name: texts,
  last_name: ['Mc%Donald', 'McXDonald', 'mc_donald', 'O\\Neil', 'ÅNGSTRÖM'],
  gender: [...texts, null, null],
  address: ['', null],
  date_of_birth: ['0001-01-01', '0044-03-15', '1900-02-28', '1969-12-31', '1970-01-01', '2004-02-29', '9999-12-31'],
  major: ['CS', 'Math', 'Fine, Arts', null],
  year_of_study: ['1', '2', '3', '6'],
  gpa: ['0.00', '0.10', '3.90', '3.09', '4.00', null, null],
  enrollment_status: ['full-time', 'part-time'],
};

const rowsOfTable = fc
  .uniqueArray(fc.constantFrom(...'0123456789ABab_%'.split(''), 'A0', 'AA', 'aA', 'Z9'), {
    minLength: 1,
    maxLength: 20,
  })
  .chain((ids) =>
    fc.tuple(
      ...ids.map((id) =>
        fc.record({
          id: fc.constant<string | null>(id),
          ...Object.fromEntries(Object.entries(values).map(([name, some]) => [name, fc.constantFrom(...some)])),
        }),
      ),
    ),
  ) as fc.Arbitrary<Texts[]>;

const escaped = (text: string) => text.replace(/[\\,]/g, '\\$&');

const someValue = (field: ListField): fc.Arbitrary<string> =>
  fc.constantFrom(...(values[field.name] ?? ['0', 'A', 'a', 'Z9']).filter((value) => value !== null));

/** A parameter as a client would write it. */
const parameter = fc.constantFrom(...spec.fields).chain((field): fc.Arbitrary<[string, string]> => {
  const suffixes = [
    '',
    '[ne]',
    '[gt]',
    '[gte]',
    '[lt]',
    '[lte]',
    ...(field.type === 'text' ? ['[contains]', '[starts_with]'] : []),
  ];
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(fc.constantFrom(...suffixes.map((suffix) => field.name + suffix)), someValue(field)),
    },
    {
      weight: 1,
      arbitrary: fc
        .array(someValue(field), { minLength: 1, maxLength: 4 })
        .map((some): [string, string] => [`${field.name}[in]`, some.map(escaped).join(',')]),
    },
    { weight: 1, arbitrary: fc.boolean().map((value): [string, string] => [`${field.name}[is_null]`, String(value)]) },
  );
});

const order = fc
  .uniqueArray(fc.constantFrom(...spec.fields.map(({ name }) => name)), { minLength: 1, maxLength: 3 })
  .chain((names) => fc.tuple(...names.map((name) => fc.constantFrom(name, `-${name}`))))
  .map((names): [string, string] => ['sort', names.join(',')]);

const request = fc
  .tuple(fc.uniqueArray(parameter, { maxLength: 2, selector: ([name]) => name }), fc.option(order, { nil: undefined }))
  .map(([filters, sort]): [string, string][] => (sort ? [...filters, sort] : filters));

/** UTF-8 order, which is that of code points; JavaScript's `<` compares UTF-16 units. */
const compareTexts = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function compare({ type }: ListField, a: string, b: string): number {
  return type === 'text' || type === 'date' ? compareTexts(a, b) : Number(a) - Number(b);
}

function passes(filter: Filter, row: Texts): boolean {
  const value = row[filter.field.name]!;
  if (filter.operator === 'is_null') return (value === null) === filter.value;
  if (value === null) return false;
  if (filter.operator === 'in') return filter.values.includes(value);
  if (filter.operator === 'contains') return value.includes(filter.value);
  if (filter.operator === 'starts_with') return value.startsWith(filter.value);
  const difference = compare(filter.field, value, filter.value);
  return {
    eq: difference === 0,
    ne: difference !== 0,
    gt: difference > 0,
    gte: difference >= 0,
    lt: difference < 0,
    lte: difference <= 0,
  }[filter.operator];
}

function evaluated(query: ListQuery, rows: readonly Texts[]): Texts[] {
  return rows
    .filter((row) => query.filters.every((filter) => passes(filter, row)))
    .sort((one, other) => {
      for (const { field, descending } of query.sort) {
        const [a, b] = [one[field.name]!, other[field.name]!];
        if (a === b) continue;
        if (a === null || b === null) return a === null ? 1 : -1;
        return compare(field, a, b) * (descending ? -1 : 1);
      }
      return 0;
    });
}

/** Everything that pages of `limit` rows show, each page asked for as a client would. */
async function paged(parameters: [string, string][], limit: number, read: (query: ListQuery) => Promise<Texts[]>) {
  const shown: Texts[] = [];
  let cursor: string | null = null;
  do {
    const more: [string, string][] = cursor === null ? [] : [['cursor', cursor]];
    const query = parseListQuery([...parameters, ['limit', String(limit)], ...more], spec);
    const page = pageOf(query, await read(query), (row) => row);
    shown.push(...page.rows);
    cursor = page.nextCursor;
    if (shown.length > 1000) throw new Error('The pages do not end.');
  } while (cursor !== null);
  return shown;
}

let database: TestDatabase;
let pool: pg.Pool;
let prisma: PrismaClient;
let duckDb: DuckDBInstance;
let connection: DuckDBConnection;

const names = spec.fields.map(({ name }) => name);

beforeAll(async () => {
  database = await testDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url, max: 2 }) });
  duckDb = await openDuckDb({ threads: 1 });
  connection = await duckDb.connect();
  const types = spec.fields.map(({ name, type }) => `${name} ${type}`);
  await connection.run(`CREATE TABLE students (${types.join(', ')})`);
}, 60_000);

afterAll(async () => {
  connection?.closeSync();
  duckDb?.closeSync();
  await prisma?.$disconnect();
  await pool?.end();
  await database?.close();
});

async function fill(rows: readonly Texts[]): Promise<void> {
  await pool.query('TRUNCATE students');
  await pool.query('INSERT INTO students SELECT * FROM jsonb_populate_recordset(NULL::students, $1::jsonb)', [
    JSON.stringify(rows.map((row) => ({ ...row, version: 1 }))),
  ]);
  await connection.run('DELETE FROM students');
  const marks = `(${names.map(() => '?').join(', ')})`;
  const insert = `INSERT INTO students VALUES ${rows.map(() => marks).join(', ')}`;
  await connection.run(
    insert,
    rows.flatMap((row) => names.map((name) => row[name]!)),
  );
}

async function fromDuckDb(query: ListQuery): Promise<Texts[]> {
  const { from, orderBy, limit } = duckDbList(query);
  const columns = names.map((name) => `CAST("${name}" AS VARCHAR) AS "${name}"`);
  // Inside, so that the order is that of the columns, not of their texts.
  const sql = `SELECT ${columns.join(', ')} FROM (SELECT * FROM students WHERE ${from.sql} ORDER BY ${orderBy} ${limit})`;
  return (await connection.runAndReadAll(sql, [...from.parameters])).getRowObjects() as Texts[];
}

async function countInDuckDb(query: ListQuery): Promise<number> {
  const { filter } = duckDbList(query);
  const counted = await connection.runAndReadAll(`SELECT count(*) FROM students WHERE ${filter.sql}`, [
    ...filter.parameters,
  ]);
  return Number(counted.getRows()[0]![0]);
}

async function fromPrisma(query: ListQuery): Promise<Texts[]> {
  const rows = await prisma.student.findMany(prismaList(query).findMany);
  return rows.map((row) =>
    Object.fromEntries(spec.fields.map(({ name, type }) => [name, textOfPrisma(type, row[name as keyof typeof row])])),
  );
}

describe('a list, on DuckDB and on Postgres', () => {
  it('shows page by page what its grammar says, for random rows and queries', async () => {
    await fc.assert(
      fc.asyncProperty(
        rowsOfTable,
        fc.array(fc.tuple(request, fc.integer({ min: 1, max: 7 })), { minLength: 5, maxLength: 5 }),
        async (rows, requests) => {
          await fill(rows);
          for (const [parameters, limit] of requests) {
            const query = parseListQuery(parameters, spec);
            const wanted = evaluated(query, rows);
            expect(await paged(parameters, limit, fromDuckDb)).toEqual(wanted);
            expect(await paged(parameters, limit, fromPrisma)).toEqual(wanted);
            expect(await countInDuckDb(query)).toBe(wanted.length);
            expect(await prisma.student.count({ where: prismaList(query).filter })).toBe(wanted.length);
          }
        },
      ),
      { numRuns: runs },
    );
  }, 300_000);

  it('skips from the start, and goes on by cursor from there', async () => {
    const row = Object.fromEntries(names.map((name) => [name, values[name]?.[0] ?? null]));
    await fill(['A', 'B', 'C', 'D'].map((id) => ({ ...row, id })));
    const first = parseListQuery(
      [
        ['skip', '1'],
        ['limit', '1'],
      ],
      spec,
    );
    for (const read of [fromDuckDb, fromPrisma]) {
      const page = pageOf(first, await read(first), (texts) => texts);
      expect(page.rows.map(({ id }) => id)).toEqual(['B']);
      const next = parseListQuery([['cursor', page.nextCursor!]], spec);
      expect((await read(next)).map(({ id }) => id)).toEqual(['C', 'D']);
    }
  });

  it('has only canonical values among its random ones', () => {
    const given = spec.fields.flatMap(({ name, type }) =>
      (values[name] ?? []).filter((value) => value !== null).map((value) => [type, value] as const),
    );
    expect(given.map(([type, value]) => canonicalText(type, value))).toEqual(given.map(([, value]) => value));
  });
});
