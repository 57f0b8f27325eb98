import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnType, Table } from '#libs/catalog';
import { literal } from '#libs/scd2';
import { temporaryFolder } from '#libs/test-lake';
import { compareTable } from './comparison.js';
import { Workspace } from './workspace.js';

const words = { label: 'x', description: 'x' };
const column = (name: string, type: ColumnType) => ({ name, type, ...words });
const berths: Table = {
  ...{ table: 'berths', name: 'berth', kind: 'dimension', key: ['quay', 'number'], ...words },
  columns: [
    column('number', 'integer'),
    column('quay', 'text'),
    column('depth', 'numeric(6,2)'),
    column('note', 'text'),
  ],
};

const folder = temporaryFolder('comparison');
let workspace: Workspace;
beforeAll(async () => void (workspace = await Workspace.open(folder)));
afterAll(() => workspace.close());

interface Row {
  readonly number: string;
  readonly quay: string;
  readonly depth: string | null;
  readonly note: string | null;
}

interface LakeRow extends Row {
  readonly quarantined: boolean;
}

const text = (value: string | null) => (value === null ? 'NULL' : literal(value));
const relation = (columns: string, rows: readonly string[], none: string) =>
  rows.length > 0 ? `(SELECT * FROM (VALUES ${rows.join(', ')}) AS rows(${columns}))` : `(SELECT ${none} WHERE false)`;
const texts = ({ number, quay, depth, note }: Row) => [number, quay, depth, note].map((one) => `${text(one)}::VARCHAR`);

const compare = (source: readonly Row[], lake: readonly LakeRow[], atOnce: { rows: number; digests: number }) => {
  const columns = ['number', 'quay', 'depth', 'note'];
  const [of, at] = [columns.map((name) => `"${name}"`).join(', '), 'quarantined, c0, c1, c2, c3'];
  const none = 'NULL::VARCHAR AS';
  const sourceRows = source.map((row) => `(${texts(row).join(', ')})`);
  const lakeRows = lake.map((row) => `(${row.quarantined}, ${texts(row).join(', ')})`);
  return compareTable(
    {
      ...{ columns, rows: source.length },
      relation: relation(of, sourceRows, columns.map((name) => `${none} "${name}"`).join(', ')),
    },
    {
      table: berths,
      query: `FROM ${relation(at, lakeRows, `NULL::BOOLEAN AS quarantined, ${[0, 1, 2, 3].map((i) => `${none} c${i}`).join(', ')}`)}`,
    },
    workspace.duckdb,
    atOnce,
  );
};

/** The same value, said in the same words or in others. */
const value = (one: string | null) => (one === null ? null : String(Number(one)));

/** Key by key, without a digest and without parts. */
function expected(source: readonly Row[], lake: readonly LakeRow[]): string[] {
  const key = ({ quay, number }: Row) => JSON.stringify([quay, String(Number(number))]);
  const found: string[] = [];
  const inLake = new Map(lake.map((row) => [key(row), row]));
  for (const row of source) {
    const other = inLake.get(key(row));
    if (!other) found.push(`missing ${key(row)} `);
    else {
      const columns = [
        ...(value(row.depth) === value(other.depth) ? [] : ['depth']),
        ...(row.note === other.note ? [] : ['note']),
      ];
      if (columns.length > 0) found.push(`different ${key(row)} ${columns.join(' ')}`);
      else if (other.quarantined) found.push(`quarantined ${key(row)} `);
    }
    inLake.delete(key(row));
  }
  return [...found, ...[...inLake.values()].map((row) => `extra ${key(row)} `)].sort();
}

const row = fc.record({
  number: fc.constantFrom('1', '2', '3', '4', '5', '6', '7'),
  quay: fc.constantFrom('A', 'B"\n', ''),
  depth: fc.constantFrom(null, '1.50', '1.50', '2.00'),
  note: fc.constantFrom(null, '', 'null', `"',\n`),
});
const rows = fc.uniqueArray(row, { selector: ({ quay, number }) => JSON.stringify([quay, number]), maxLength: 18 });

/** What may have become of a row on its way into the lake. */
const fate = fc.constantFrom('same', 'same', 'same', 'same', 'in other words', 'lost', 'changed', 'quarantined');

const madeOf = (source: readonly Row[], fates: readonly string[], extra: readonly Row[]): LakeRow[] => {
  const known = new Set(source.map(({ quay, number }) => JSON.stringify([quay, number])));
  const made = source.flatMap((one, i) => {
    const became = fates[i % fates.length]!;
    if (became === 'lost') return [];
    if (became === 'changed') return [{ ...one, note: `${one.note} changed`, quarantined: false }];
    if (became === 'in other words') return [{ ...one, depth: one.depth && `0${one.depth}0`, quarantined: false }];
    return [{ ...one, quarantined: became === 'quarantined' }];
  });
  const others = extra.filter(({ quay, number }) => !known.has(JSON.stringify([quay, number])));
  return [...made, ...others.map((one) => ({ ...one, quarantined: false }))];
};

describe('a comparison', () => {
  it('finds, in however many parts, what a look at each key finds', async () => {
    const atOnce = fc.record({ rows: fc.constantFrom(1, 3, 1000), digests: fc.constantFrom(1, 4, 1000) });
    const fates = fc.array(fate, { minLength: 1, maxLength: 18 });
    const property = fc.asyncProperty(rows, fates, rows, atOnce, async (source, became, extra, limits) => {
      const lake = madeOf(source, became, extra);
      const { examples, ...counts } = await compare(source, lake, limits);
      const wanted = expected(source, lake);
      const count = (finding: string) => wanted.filter((line) => line.startsWith(finding)).length;
      const findings = ['missing', 'extra', 'different', 'quarantined'] as const;
      expect(counts).toMatchObject(Object.fromEntries(findings.map((finding) => [finding, count(finding)])));
      expect(counts.equal).toBe(source.length - count('missing') - count('different') - count('quarantined'));
      const told = examples.map(
        ({ finding, key, columns }) => `${finding} ${JSON.stringify(key)} ${columns.join(' ')}`,
      );
      expect(wanted).toEqual(expect.arrayContaining(told));
      expect(told).toHaveLength(Math.min(20, wanted.length));
    });
    await fc.assert(property, { numRuns: Number(process.env.RUNS ?? 25), seed: Number(process.env.SEED ?? 1) });
  });
});
