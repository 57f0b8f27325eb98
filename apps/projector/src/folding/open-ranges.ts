/**
 * Open versions lie in files by ranges of the key, so that a fold reads and rewrites those alone that its changes fall
 * into. A file's tag names the first key of its range, which ends where the next one begins; the first begins before
 * every key, whatever its tag. So a range whose rows are all gone needs no file: the one before it reaches further.
 *
 * A range that would outgrow the limit is split before it is folded, so that no sort is of many more rows than that; one
 * that has become small goes together with a neighbour. Both happen only where a fold writes anyway.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { recordsOf, type AddFile } from '#libs/delta-log';
import { rowsOf } from '#libs/lake';
import { boundsSql, keyRowSql, keysIn, rangesSql, type KeyRange, type KeyTexts } from '#libs/scd2';
import { firstKeyOf } from './version-files.js';

/** What a fold rewrites as a whole, if anything in it changes. */
export interface OpenRange extends KeyRange {
  /** The files of its rows. */
  readonly files: readonly AddFile[];
  /** Whether they are of other ranges as well: then all are written, whatever changes. */
  readonly isPart: boolean;
  /** Changes that fall into it, about; and rows that it may have after them. */
  readonly changes: number;
  readonly rows: number;
}

/** The keyed changes of one fold. */
export interface KeyedChanges {
  readonly relation: string;
  readonly truncated: boolean;
}

/**
 * The ranges that changes fall into, in the order of their keys: all of them where the table was truncated.
 * `files`: the open files and the folder that their paths are relative to; `limit`: rows of a file, about.
 */
export async function touchedRanges(
  table: Table,
  files: { readonly folder: string; readonly open: readonly AddFile[] },
  changes: KeyedChanges,
  { limit, duckdb }: { readonly limit: number; readonly duckdb: DuckDBConnection },
): Promise<OpenRange[]> {
  const ordered = await inOrder(table, files.open, duckdb);
  const bounds = ordered.slice(1).map((file) => firstKeyOf(file)!);
  const counts = new Map(
    (await countsOf(table, bounds, changes.relation, duckdb)).map((count) => [count.range, count]),
  );
  const ranges = (ordered.length > 0 ? ordered : [null]).map((file, i) => {
    const [records, opening] = [file ? recordsOf(file) : 0, counts.get(i)?.opening ?? 0];
    return {
      ...{ from: bounds[i - 1] ?? null, to: bounds[i] ?? null, files: file ? [file] : [], isPart: false },
      ...{
        changes: counts.get(i)?.changes ?? 0,
        rows: changes.truncated ? Math.max(records, opening) : records + opening,
      },
    };
  });
  const isTouched = (range: OpenRange) => changes.truncated || range.changes > 0;
  const touched = together(ranges, limit, isTouched).filter(isTouched);
  const split = async (range: OpenRange) => {
    const paths = range.files.map(({ path }) => `${files.folder}/${path}`);
    return partsOf(range, await boundsIn(table, range, { paths, changes: changes.relation, limit, duckdb }));
  };
  const parts = [];
  for (const range of touched) parts.push(...(range.rows > limit ? await split(range) : [range]));
  return parts;
}

async function inOrder(table: Table, open: readonly AddFile[], duckdb: DuckDBConnection): Promise<AddFile[]> {
  const first = open.filter((file) => !firstKeyOf(file));
  const others = open.filter((file) => firstKeyOf(file));
  if (others.length < 2) return [...first, ...others];
  const keys = others.map((file) => firstKeyOf(file)!);
  const sorted = await rowsOf(duckdb, `SELECT range FROM (${rangesSql(table, keys)}) ORDER BY from_key`);
  return [...first, ...sorted.map(({ range }) => others[Number(range) - 1]!)];
}

/** By the range's place. A key that does not type counts for the first. */
async function countsOf(table: Table, bounds: readonly KeyTexts[], changes: string, duckdb: DuckDBConnection) {
  const counts = `count(*)::INTEGER AS changes, (count(*) FILTER (op IN ('c', 'r')))::INTEGER AS opening`;
  const keyed = `SELECT op, CASE WHEN stray IS NULL THEN ${keyRowSql(table)} END AS key_row FROM ${changes} WHERE op <> 't'`;
  const sql =
    bounds.length > 0
      ? `SELECT coalesce(range, 0)::INTEGER AS range, ${counts} FROM (${keyed})
         ASOF LEFT JOIN (${rangesSql(table, bounds)}) ON key_row >= from_key GROUP BY 1`
      : `SELECT 0 AS range, ${counts} FROM (${keyed})`;
  return (await rowsOf(duckdb, sql)) as { range: number; changes: number; opening: number }[];
}

/** Neighbours in one where one of them is small, both fit well, and one is written anyway. */
function together(ranges: readonly OpenRange[], limit: number, isTouched: (range: OpenRange) => boolean): OpenRange[] {
  const joined: OpenRange[] = [];
  for (const range of ranges) {
    const before = joined.at(-1);
    const fits =
      before &&
      (isTouched(before) || isTouched(range)) &&
      Math.min(before.rows, range.rows) < limit / 8 &&
      before.rows + range.rows <= limit / 2;
    if (!fits) joined.push(range);
    else
      joined[joined.length - 1] = {
        ...{ from: before.from, to: range.to, files: [...before.files, ...range.files], isPart: false },
        ...{ changes: before.changes + range.changes, rows: before.rows + range.rows },
      };
  }
  return joined;
}

/** Keys between which about as many rows lie: of a sample where they are many. */
async function boundsIn(
  table: Table,
  range: OpenRange,
  { paths, changes, limit, duckdb }: { paths: string[]; changes: string; limit: number; duckdb: DuckDBConnection },
): Promise<KeyTexts[]> {
  const parts = Math.ceil(range.rows / (limit * 0.75));
  const keys = keysIn(table, range, { paths, changes });
  const sampled = Math.max(1, Math.floor(range.rows / (parts * 1000)));
  const bounds = await rowsOf(duckdb, boundsSql(table, keys, { parts, sampled }));
  return bounds.map((bound) => table.key.map((name) => bound[name] as string));
}

function partsOf(range: OpenRange, bounds: readonly KeyTexts[]): OpenRange[] {
  const [changes, rows] = [range.changes, range.rows].map((count) => Math.ceil(count / (bounds.length + 1)));
  return [range.from, ...bounds].map((from, i) => ({
    ...{ from, to: bounds[i] ?? range.to, files: range.files, isPart: range.files.length > 0 && bounds.length > 0 },
    ...{ changes: changes!, rows: rows! },
  }));
}
