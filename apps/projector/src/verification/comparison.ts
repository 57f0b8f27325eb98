/** Source rows against a state of the lake, by key: what is missing, extra, different, quarantined. Both sides are texts. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { keyColumns, type Table } from '#libs/catalog';
import { rowsOf } from '#libs/lake';
import { identifier, literal } from '#libs/scd2';
import { columnAt, type LakeState } from './lake-state.js';
import { plainSql, sameSql } from './printed-value.js';
import type { SourceTable } from './source-rows.js';

/** The source has no column that the lake's keys are made of. */
export class KeyNotInSource extends Error {
  readonly code = 'key-not-in-source';
  constructor(
    readonly table: string,
    readonly column: string,
  ) {
    super(
      `Table ${table} of the source has, or publishes, no column ${column}, which is part of the lake's key. ` +
        'Correct the catalog and rebuild the table.',
    );
    this.name = 'KeyNotInSource';
  }
}

/** `missing` in the lake, `extra` in it, `different` in some columns; `quarantined`: the lake knows that it does not type. */
const findings = ['missing', 'extra', 'different', 'quarantined'] as const;
export type Finding = (typeof findings)[number];

export interface Example {
  readonly finding: Finding;
  /** The key's texts, in the catalog's order. No other value is told: it may be personal. */
  readonly key: readonly string[];
  /** Which columns differ. */
  readonly columns: readonly string[];
}

export interface TableComparison extends Readonly<Record<Finding, number>> {
  readonly table: string;
  /** Of the source. */
  readonly rows: number;
  readonly equal: number;
  /** Of the catalog's columns those that the source has not, or does not publish: nothing was compared there. */
  readonly absent_columns: readonly string[];
  /** Up to 20, of each finding some. */
  readonly examples: readonly Example[];
}

const shownExamples = 20;

/** So many of either side, about, are thought of at once. What DuckDB does with more spills, but not all of it. */
const usual = { rows: 40_000, digests: 400_000 };

/**
 * Rows that have all texts in common, as mostly all do, are told by a digest of each and need no more than its room; the
 * rest, on either side, is compared by key and column, some keys at a time. In `duckdb`, whose tables it uses until the
 * next call.
 */
export async function compareTable(
  source: SourceTable,
  { table, query }: LakeState,
  duckdb: DuckDBConnection,
  atOnce = usual,
): Promise<TableComparison> {
  const known = new Set(source.columns);
  for (const { name } of keyColumns(table)) if (!known.has(name)) throw new KeyNotInSource(table.table, name);
  const compared = table.columns.flatMap(({ name }, i) => (known.has(name) ? [{ name, at: columnAt(i) }] : []));
  const texts = compared.map(({ name, at }) => `${identifier(name)} AS ${at}`);
  const sides: Sides = {
    source: `SELECT false AS quarantined, ${texts.join(', ')} FROM ${source.relation}`,
    lake: query,
  };
  const digest = digestSql(compared.map(({ at }) => at));
  const unlike = await findUnlike(sides, digest, { duckdb, atOnce });
  const parts = await unlikeRows(table, sides, unlike, { duckdb, atOnce });
  await duckdb.run('CREATE OR REPLACE TABLE rows.outcomes (finding VARCHAR, key VARCHAR[], columns VARCHAR[])');
  for (const part of parts) await duckdb.run(`INSERT INTO rows.outcomes ${outcomesSql(table, known, part)}`);
  const found = await rowsOf(duckdb, 'SELECT finding, count(*)::INTEGER AS count FROM rows.outcomes GROUP BY finding');
  const counts = Object.fromEntries(found.map(({ finding, count }) => [finding as Finding, count as number]));
  const { missing = 0, extra = 0, different = 0, quarantined = 0 } = counts as Partial<Record<Finding, number>>;
  return {
    ...{ table: table.table, rows: source.rows, equal: source.rows - missing - different - quarantined },
    ...{ missing, extra, different, quarantined },
    absent_columns: table.columns.filter(({ name }) => !known.has(name)).map(({ name }) => name),
    examples: await examplesOf(duckdb),
  };
}

/** Queries for the rows of either side: `quarantined`, then texts by `columnAt`. */
interface Sides {
  readonly source: string;
  readonly lake: string;
}

/** 128 bits: for two rows that differ to have one in a billion rows is less likely than a processor's mistake. */
const digestSql = (columns: readonly string[]): string =>
  `md5_number(to_json([quarantined::VARCHAR, ${columns.join(', ')}])::VARCHAR)`;

interface Means {
  readonly duckdb: DuckDBConnection;
  readonly atOnce: typeof usual;
}

/** Rows that one side has more often than the other. */
interface Unlike {
  readonly count: number;
  /** An SQL condition: it is one of them. */
  readonly is: string;
}

async function findUnlike({ source, lake }: Sides, digest: string, { duckdb, atOnce }: Means): Promise<Unlike> {
  const countOf = async (table: string) =>
    (await rowsOf(duckdb, `SELECT count(*)::INTEGER AS count FROM rows.${table}`))[0]!.count as number;
  await duckdb.run(
    `CREATE OR REPLACE TABLE rows.digests AS SELECT ${digest} AS digest, 1::TINYINT AS side FROM (${source})
     UNION ALL SELECT ${digest}, -1 FROM (${lake})`,
  );
  await duckdb.run('CREATE OR REPLACE TABLE rows.unlike (digest UHUGEINT)');
  const slices = Math.ceil((await countOf('digests')) / atOnce.digests);
  for (let slice = 0; slice < slices; slice++)
    await duckdb.run(
      `INSERT INTO rows.unlike SELECT digest FROM rows.digests WHERE hash(digest) % ${slices} = ${slice}
       GROUP BY digest HAVING sum(side) <> 0`,
    );
  return { count: await countOf('unlike'), is: `${digest} IN (SELECT digest FROM rows.unlike)` };
}

/** Lays the rows that are not the same on both sides into tables, in parts by their keys; returns queries for each part. */
async function unlikeRows(
  table: Table,
  sides: Sides,
  { count, is }: Unlike,
  { duckdb, atOnce }: Means,
): Promise<Sides[]> {
  const parts = Math.ceil(count / atOnce.rows);
  if (parts === 0) return [];
  const isFew = count <= atOnce.digests; // else all rows go into the parts: a look-up of too many is in memory whole
  const unlike = isFew ? `WHERE ${is}` : '';
  const keys = table.key.map((name) => table.columns.findIndex((column) => column.name === name));
  const part = `hash(${keys.map((i) => plainSql(columnAt(i), table.columns[i]!.type)).join(', ')}) % ${parts}`;
  for (const [name, side] of Object.entries(sides))
    await duckdb.run(
      `CREATE OR REPLACE TABLE rows.unlike_${name} AS SELECT *, ${part} AS part FROM (${side}) ${unlike} ORDER BY part`,
    );
  const rows = (name: keyof Sides, nth: number) =>
    `SELECT * EXCLUDE (part) FROM rows.unlike_${name} WHERE part = ${nth}`;
  return Array.from({ length: parts }, (_, nth) => ({ source: rows('source', nth), lake: rows('lake', nth) }));
}

/**
 * A key should have one row on either side. `nth` tells several apart, so that one that the lake has twice finds its
 * partner once, and is extra for the rest.
 */
function outcomesSql(table: Table, compared: ReadonlySet<string>, { source, lake }: Sides): string {
  const columns = table.columns.map((column, i) => ({
    ...column,
    at: columnAt(i),
    isKey: table.key.includes(column.name),
  }));
  const keys = table.key.map((name) => columns.find((column) => column.name === name)!);
  const same = keys.map(({ at, type }) => `${plainSql(`s.${at}`, type)} = ${plainSql(`l.${at}`, type)}`);
  const differing = columns
    .filter(({ name, isKey }) => compared.has(name) && !isKey)
    .map(({ name, at, type }) => `CASE WHEN NOT ${sameSql(`s.${at}`, `l.${at}`, type)} THEN ${literal(name)} END`);
  const numbered = (rows: string) =>
    `SELECT *, row_number() OVER (PARTITION BY ${keys
      .map(({ at, type }) => plainSql(at, type))
      .join(', ')}) AS nth FROM (${rows})`;
  return `SELECT CASE WHEN NOT in_lake THEN 'missing' WHEN NOT in_source THEN 'extra'
    WHEN len(columns) > 0 THEN 'different' ELSE 'quarantined' END AS finding, key,
  CASE WHEN in_lake AND in_source THEN columns ELSE [] END AS columns
FROM (
  SELECT s.nth IS NOT NULL AS in_source, l.nth IS NOT NULL AS in_lake, l.quarantined,
    [${keys.map(({ at }) => `coalesce(s.${at}, l.${at})`).join(', ')}] AS key,
    list_filter([${differing.join(', ')}]::VARCHAR[], lambda name: name IS NOT NULL) AS columns
  FROM (${numbered(source)}) AS s
  FULL JOIN (${numbered(lake)}) AS l ON s.nth = l.nth AND ${same.join(' AND ')})
WHERE NOT in_source OR NOT in_lake OR quarantined OR len(columns) > 0`;
}

async function examplesOf(duckdb: DuckDBConnection): Promise<Example[]> {
  const first = (finding: Finding) =>
    `SELECT *, row_number() OVER (ORDER BY key) AS turn
     FROM (SELECT * FROM rows.outcomes WHERE finding = ${literal(finding)} ORDER BY key LIMIT ${shownExamples})`;
  const rows = await rowsOf(
    duckdb,
    `SELECT finding, to_json(key)::VARCHAR AS key, to_json(columns)::VARCHAR AS columns
     FROM (${findings.map(first).join(' UNION ALL ')}) ORDER BY turn, finding LIMIT ${shownExamples}`,
  );
  return rows.map(({ finding, key, columns }) => ({
    finding: finding as Finding,
    key: JSON.parse(key as string) as string[],
    columns: JSON.parse(columns as string) as string[],
  }));
}
