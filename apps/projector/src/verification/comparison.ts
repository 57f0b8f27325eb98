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
export type Finding = 'missing' | 'extra' | 'different' | 'quarantined';

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

/** In `duckdb`, whose table `outcomes` it uses until the next call. */
export async function compareTable(
  source: SourceTable,
  { table, query }: LakeState,
  duckdb: DuckDBConnection,
): Promise<TableComparison> {
  const known = new Set(source.columns);
  for (const { name } of keyColumns(table)) if (!known.has(name)) throw new KeyNotInSource(table.table, name);
  await duckdb.run(`CREATE OR REPLACE TABLE rows.outcomes AS ${outcomesSql(table, known, source.relation, query)}`);
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

/**
 * A key should have one row on either side. `nth` tells several apart, so that one that the lake has twice finds its
 * partner once, and is extra for the rest.
 */
function outcomesSql(table: Table, compared: ReadonlySet<string>, source: string, lake: string): string {
  const columns = table.columns.map((column, i) => ({
    ...column,
    at: columnAt(i),
    isKey: table.key.includes(column.name),
  }));
  const keys = table.key.map((name) => columns.find((column) => column.name === name)!);
  const texts = columns.filter(({ name }) => compared.has(name)).map(({ name, at }) => `${identifier(name)} AS ${at}`);
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
  SELECT s.nth IS NOT NULL AS in_source, l.nth IS NOT NULL AS in_lake, quarantined,
    [${keys.map(({ at }) => `coalesce(s.${at}, l.${at})`).join(', ')}] AS key,
    list_filter([${differing.join(', ')}]::VARCHAR[], lambda name: name IS NOT NULL) AS columns
  FROM (${numbered(`SELECT ${texts.join(', ')} FROM ${source}`)}) AS s
  FULL JOIN (${numbered(lake)}) AS l ON s.nth = l.nth AND ${same.join(' AND ')})
WHERE NOT in_source OR NOT in_lake OR quarantined OR len(columns) > 0`;
}

async function examplesOf(duckdb: DuckDBConnection): Promise<Example[]> {
  const rows = await rowsOf(
    duckdb,
    `SELECT finding, to_json(key)::VARCHAR AS key, to_json(columns)::VARCHAR AS columns
     FROM (SELECT *, row_number() OVER (PARTITION BY finding ORDER BY key) AS turn FROM rows.outcomes)
     ORDER BY turn, finding LIMIT ${shownExamples}`,
  );
  return rows.map(({ finding, key, columns }) => ({
    finding: finding as Finding,
    key: JSON.parse(key as string) as string[],
    columns: JSON.parse(columns as string) as string[],
  }));
}
