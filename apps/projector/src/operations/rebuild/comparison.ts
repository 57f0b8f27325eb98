/**
 * What a rebuild changes: the versions that a table has against those that were made anew, both as of one fold position,
 * over the columns that both have with the same type. Versions are told apart by their surrogate keys, which are positions
 * of changes. First a checksum of each side, which takes no memory; only where they differ the rows are put side by side.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { surrogateKey, type Column, type Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { parquet, rowsOf } from '#libs/lake';
import { identifier, noVersionsSql } from '#libs/scd2';

export interface VersionsOf {
  readonly table: Table;
  readonly folder: string;
  readonly files: readonly AddFile[];
}

type Row = Readonly<Record<string, string | null>>;

/** One version, each value as text. */
export interface Difference {
  readonly key: number;
  readonly old: Row | null;
  readonly new: Row | null;
}

export interface Differences {
  readonly only_old: number;
  readonly only_new: number;
  readonly changed: number;
  readonly examples: Readonly<Record<'only_old' | 'only_new' | 'changed', readonly Difference[]>>;
}

/** Examples of each kind. */
const shownExamples = 20;

const none: Differences = {
  ...{ only_old: 0, only_new: 0, changed: 0 },
  examples: { only_old: [], only_new: [], changed: [] },
};

/** @param position both sides' fold position, or that of the one that is behind */
export async function compareVersions(
  old: VersionsOf,
  made: VersionsOf,
  position: number,
  duckdb: DuckDBConnection,
): Promise<Differences> {
  const shared = sharedColumns(old.table, made.table);
  const sides = [versionsAt(old, shared, position), versionsAt(made, shared, position)] as const;
  if ((await checksum(sides[0], duckdb)) === (await checksum(sides[1], duckdb))) return none;
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE rebuild_differences AS ${differencesSql(...sides)}`);
  try {
    const kinds = ['only_old', 'only_new', 'changed'] as const;
    const counts = await Promise.all(kinds.map((kind) => count(kind, duckdb)));
    const examples = [];
    for (const kind of kinds) examples.push(await examplesOf(kind, sides, duckdb));
    const byKind = <Value>(values: readonly Value[]) =>
      ({ only_old: values[0]!, only_new: values[1]!, changed: values[2]! }) as const;
    return { ...byKind(counts), examples: byKind(examples) };
  } finally {
    await duckdb.run('DROP TABLE IF EXISTS rebuild_differences');
  }
}

export function sharedColumns(old: Table, made: Table): Column[] {
  const types = new Map(old.columns.map(({ name, type }) => [name, type]));
  return made.columns.filter(({ name, type }) => types.get(name) === type);
}

/** Rows of key, `row` (the shared columns and the interval, as it was at the position) as a struct. */
function versionsAt({ table, folder, files }: VersionsOf, shared: readonly Column[], position: number): string {
  const relation =
    files.length > 0 ? parquet(files.map(({ path }) => `${folder}/${path}`)) : `(${noVersionsSql(table)})`;
  const fields = {
    ...Object.fromEntries(shared.map(({ name }) => [name, identifier(name)])),
    ...{ valid_from: 'valid_from', valid_to: `CASE WHEN closed_tx <= ${position} THEN valid_to END` },
    ...{ opened_tx: 'opened_tx', closed_tx: `CASE WHEN closed_tx <= ${position} THEN closed_tx END` },
    ...{ actor: 'actor', command: 'command' },
  };
  const struct = Object.entries(fields).map(([name, value]) => `${identifier(name)} := ${value}`);
  return `(SELECT ${identifier(surrogateKey(table))} AS key, struct_pack(${struct.join(', ')}) AS row
    FROM ${relation} WHERE opened_tx <= ${position})`;
}

async function checksum(side: string, duckdb: DuckDBConnection): Promise<string> {
  const [row] = await rowsOf(
    duckdb,
    `SELECT count(*)::VARCHAR || '/' || coalesce(bit_xor(hash(key, row)), 0) || '/' || coalesce(sum(hash(row, key)), 0)
       AS checksum FROM ${side}`,
  );
  return row!.checksum as string;
}

const differencesSql = (old: string, made: string): string => `
  SELECT key, CASE WHEN n.hash IS NULL THEN 'only_old' WHEN o.hash IS NULL THEN 'only_new' ELSE 'changed' END AS kind
  FROM (SELECT key, hash(row) AS hash FROM ${old}) AS o
  FULL JOIN (SELECT key, hash(row) AS hash FROM ${made}) AS n USING (key)
  WHERE o.hash IS DISTINCT FROM n.hash`;

async function count(kind: string, duckdb: DuckDBConnection): Promise<number> {
  const [row] = await rowsOf(duckdb, `SELECT count(*) AS count FROM rebuild_differences WHERE kind = '${kind}'`);
  return Number(row!.count);
}

async function examplesOf(
  kind: string,
  [old, made]: readonly [string, string],
  duckdb: DuckDBConnection,
): Promise<Difference[]> {
  const chosen = `(SELECT key FROM rebuild_differences WHERE kind = '${kind}' ORDER BY key LIMIT ${shownExamples})`;
  const texts = (side: string) =>
    `(SELECT key, to_json(row)::VARCHAR AS row FROM ${side} SEMI JOIN ${chosen} AS chosen USING (key))`;
  const rows = await rowsOf(
    duckdb,
    `SELECT key, o.row AS old, n.row AS new FROM ${texts(old)} AS o FULL JOIN ${texts(made)} AS n USING (key) ORDER BY key`,
  );
  const parsed = (text: unknown) => (text === null ? null : (JSON.parse(text as string) as Row));
  return rows.map(({ key, old: before, new: after }) => ({
    ...{ key: Number(key), old: parsed(before), new: parsed(after) },
  }));
}
