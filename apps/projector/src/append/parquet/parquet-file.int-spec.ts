import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import fc from 'fast-check';
import type { DeltaField } from '#libs/delta-log';
import { openDuckDb, rowsOf } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { parquetFile } from './parquet-file.js';
import { PlainColumn } from './plain-column.js';
import { RunColumn } from './run-column.js';

const folder = temporaryFolder('parquet');
let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

const field = (name: string, type: DeltaField['type'], nullable = false): DeltaField => ({ name, type, nullable });

interface Row {
  readonly number: number;
  readonly time: bigint;
  readonly kind: string;
  readonly text: string | null;
  readonly actor: string | null;
}

const fields = [
  field('number', 'long'),
  field('time', 'timestamp'),
  field('kind', 'string'),
  field('text', 'string', true),
  field('actor', 'string', true),
];

let files = 0;

async function write(rows: readonly Row[]): Promise<string> {
  const [number, text] = [new PlainColumn(false), new PlainColumn(true)];
  const [time, kind, actor] = [new RunColumn(false), new RunColumn(false), new RunColumn(true)];
  for (const row of rows) {
    number.integer(row.number);
    time.add(row.time);
    kind.add(row.kind);
    text.text(row.text);
    actor.add(row.actor);
  }
  const chunks = [number, time, kind, text, actor].map((column) => column.finish());
  const columns = (await Promise.all(chunks)).map((chunk, i) => ({ field: fields[i]!, chunk }));
  const path = join(folder, `${++files}.parquet`);
  await writeFile(path, parquetFile(columns, rows.length));
  return path;
}

async function read(path: string): Promise<Row[]> {
  const rows = await rowsOf(duckdb, `SELECT number, epoch_us(time) AS time, kind, text, actor FROM '${path}'`);
  return rows.map((row) => ({ ...row, number: Number(row.number) })) as unknown as Row[];
}

const metadataOf = (path: string) =>
  rowsOf(
    duckdb,
    `SELECT path_in_schema AS name, encodings, compression, num_values::INTEGER AS count,
       stats_null_count::INTEGER AS nulls, stats_min_value AS min, stats_max_value AS max
     FROM parquet_metadata('${path}')`,
  );

const row = (number: number, others: Partial<Row> = {}): Row => ({
  ...{ number, time: 1_700_000_000_000_000n, kind: 'u', text: null, actor: null },
  ...others,
});

describe('a Parquet file', () => {
  const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.constantFrom('', '\n', '\0', '💥'));
  const random = fc.record({
    number: fc.oneof(fc.nat(300), fc.maxSafeNat()),
    time: fc.oneof(
      fc.constantFrom(0n, 1n),
      fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n }),
    ),
    kind: fc.oneof(fc.constantFrom('c', 'u'), text),
    text: fc.option(text),
    actor: fc.option(fc.oneof(fc.constantFrom('ann', 'bob'), text)),
  });
  /** Rows that come many times in a row, so that both ways to write a column of runs are taken. */
  const runs = fc
    .array(fc.tuple(random, fc.nat(200)), { maxLength: 30 })
    .map((all) => all.flatMap(([one, count]) => Array.from({ length: count }, () => one)));

  it('holds what was written, whatever it is', async () => {
    const some = fc.oneof(runs, fc.array(random, { maxLength: 400 })).filter((rows) => rows.length > 0);
    const property = fc.asyncProperty(some, async (rows) => expect(await read(await write(rows))).toEqual(rows));
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 40) });
  });

  it('holds more than a page has room for, and texts that are longer than a page', async () => {
    const rows = [
      ...Array.from({ length: 60_000 }, (_, i) =>
        row(i, { text: i % 3 === 0 ? null : `${i} é of thirty bytes or so …`, actor: `${i}` }),
      ),
      row(1, { text: 'x'.repeat(3 << 20) }),
      row(2, { text: '💥'.repeat(1 << 19), kind: 'é'.repeat(1 << 19) }),
      row(3, { text: '' }),
    ];
    const path = await write(rows);
    const found = await read(path);
    expect(found.length).toBe(rows.length);
    expect(
      found.findIndex(
        (one, i) => JSON.stringify(String(Object.values(one))) !== JSON.stringify(String(Object.values(rows[i]!))),
      ),
    ).toBe(-1);
    expect(await metadataOf(path)).toMatchObject([
      { name: 'number', compression: 'ZSTD', encodings: expect.stringContaining('PLAIN') },
      ...[{ name: 'time' }, { name: 'kind' }, { name: 'text', compression: 'ZSTD' }],
      { name: 'actor', compression: 'ZSTD', encodings: expect.not.stringContaining('DICTIONARY') },
    ]);
  });

  it.each([300, 70_000])('holds a dictionary of %d values, whose places have several bytes', async (values) => {
    const rows = Array.from({ length: 2 * values }, (_, i) => {
      const nth = BigInt(Math.floor(i / 2));
      return row(i, { time: 1_700_000_000_000_000n + nth, actor: `actor number ${nth}` });
    });
    const path = await write(rows);
    const encodings = Object.fromEntries((await metadataOf(path)).map((of) => [of.name, of.encodings]));
    const dictionary: unknown = expect.stringContaining('DICTIONARY');
    expect(encodings).toMatchObject({ time: dictionary, actor: dictionary });
    const found = await read(path);
    expect(found.findIndex(({ time, actor }, i) => time !== rows[i]!.time || actor !== rows[i]!.actor)).toBe(-1);
    expect(found).toHaveLength(rows.length);
  });

  it('tells the bounds of its columns, by which its readers skip it', async () => {
    const path = await write([
      row(5, { kind: 'u', time: 7n }),
      row(2 ** 40, { kind: 'é', time: 1_700_000_000_000_001n, actor: 'x'.repeat(100) }),
      row(3, { kind: 'z', text: 'a' }),
    ]);
    expect(await metadataOf(path)).toEqual([
      expect.objectContaining({ name: 'number', count: 3, nulls: 0, min: '3', max: String(2 ** 40) }),
      expect.objectContaining({
        ...{ name: 'time', min: '1970-01-01 00:00:00.000007+00', max: '2023-11-14 22:13:20.000001+00' },
      }),
      expect.objectContaining({ name: 'kind', min: 'u', max: 'é' }),
      expect.objectContaining({ name: 'text', nulls: 2, min: null, max: null }),
      expect.objectContaining({ name: 'actor', nulls: 2, min: null }),
    ]);
    const of = (where: string) => rowsOf(duckdb, `SELECT number::INTEGER AS n FROM '${path}' WHERE ${where}`);
    expect(await of(`kind = 'z'`)).toEqual([{ n: 3 }]);
    expect(await of('number = 4')).toEqual([]);
  });

  it('compresses no column of a few bytes, which would cost its reader more than it saves', async () => {
    const few = await metadataOf(await write([row(1), row(2)]));
    expect(new Set(few.map(({ compression }) => compression))).toEqual(new Set(['UNCOMPRESSED']));
    const many = await metadataOf(
      await write(Array.from({ length: 10_000 }, (_, i) => row(i, { text: 'x'.repeat(9) }))),
    );
    expect(many.map(({ compression }) => compression)).toEqual([
      ...['ZSTD', 'UNCOMPRESSED', 'UNCOMPRESSED', 'ZSTD', 'UNCOMPRESSED'],
    ]);
  });

  it('has columns that may not be NULL where the table has none', async () => {
    const path = await write([row(1)]);
    const schema = await rowsOf(duckdb, `SELECT name, repetition_type AS r FROM parquet_schema('${path}') OFFSET 1`);
    expect(schema.map(({ name, r }) => `${String(name)} ${String(r)}`)).toEqual([
      ...['number REQUIRED', 'time REQUIRED', 'kind REQUIRED', 'text OPTIONAL', 'actor OPTIONAL'],
    ]);
  });
});
