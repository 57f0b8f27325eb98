/** Folds the changes of a stretch of keys: so many ranges at a time that what is in memory is bounded. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { parquet, rowsOf } from '#libs/lake';
import {
  foldSql,
  keyInRangeSql,
  keyOrStrayInRangeSql,
  keyRowSql,
  noVersionsSql,
  openQuarantineSql,
  rangesSql,
  stepsSql,
  type ColumnsSince,
  type FoldSource,
} from '#libs/scd2';
import type { KeyedChanges, OpenRange } from './open-ranges.js';
import { closedFilesOf, openFileOf, type VersionFiles } from './version-files.js';

export interface FoldBatch extends KeyedChanges {
  /** Relation of all rows of the table's quarantine. */
  readonly quarantine: string;
  readonly since: ColumnsSince;
}

export interface StretchOutcome {
  readonly added: readonly AddFile[];
  readonly removedOpen: readonly AddFile[];
}

/** Ranges that are folded together: neighbours, as long as they hold no more than `limit` rows to think of at once. */
export function stretchesOf(ranges: readonly OpenRange[], { truncated }: KeyedChanges, limit: number): OpenRange[][] {
  const stretches: OpenRange[][] = [];
  let weight = Infinity;
  for (const range of ranges) {
    const own = range.changes + (truncated ? range.rows : 0);
    if (weight + own > limit) {
      stretches.push([]);
      weight = 0;
    }
    stretches.at(-1)!.push(range);
    weight += own;
  }
  return stretches;
}

/** Writes what changes in `ranges`, and leaves the steps in the table `fold_steps`. */
export async function foldStretch(
  from: VersionFiles,
  batch: FoldBatch,
  ranges: readonly OpenRange[],
  duckdb: DuckDBConnection,
): Promise<StretchOutcome> {
  const { table } = from;
  await failpoint('fold.before-steps', from.folder);
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE fold_steps AS ${stretchSteps(from, batch, ranges)}`);
  await failpoint('fold.before-files', from.folder);
  const changed = await changedRanges(table, ranges, duckdb);
  const added: AddFile[] = [];
  for (const range of changed) {
    const { open } = foldSql(table, { ...sourceOf(from, batch), open: openOf(from, [range]), range });
    added.push(...(await openFileOf(from, open, range.from, duckdb)));
  }
  if (changed.length > 0)
    added.push(...(await closedFilesOf(from, foldSql(table, sourceOf(from, batch)).closed, duckdb)));
  return { added, removedOpen: changed.flatMap(({ files }) => files) };
}

const sourceOf = ({ foldPosition }: VersionFiles, { quarantine }: FoldBatch): FoldSource => ({
  ...{ steps: 'fold_steps', open: '', quarantine, foldPosition },
});

function stretchSteps(
  from: VersionFiles,
  { relation, quarantine, since, truncated }: FoldBatch,
  ranges: readonly OpenRange[],
) {
  const { table, foldPosition } = from;
  const stretch = { from: ranges[0]!.from, to: ranges.at(-1)!.to };
  const inside = keyOrStrayInRangeSql(table, stretch);
  return stepsSql(table, {
    changes: `(SELECT * FROM ${relation} WHERE op = 't' OR ${inside})`,
    ...{ keyed: true, since },
    open: `(SELECT * FROM ${openOf(from, ranges)} WHERE ${keyInRangeSql(table, stretch)})`,
    rest: `(SELECT * FROM (${openQuarantineSql(table, quarantine, foldPosition)}) WHERE ${inside})`,
    truncated,
  });
}

function openOf({ table, folder }: VersionFiles, ranges: readonly OpenRange[]): string {
  const paths = new Set(ranges.flatMap(({ files }) => files.map(({ path }) => `${folder}/${path}`)));
  return paths.size > 0 ? parquet([...paths]) : `(${noVersionsSql(table)})`;
}

/** Those in which a version opens or closes, and those that get a file of their own. */
async function changedRanges(table: Table, ranges: readonly OpenRange[], duckdb: DuckDBConnection) {
  const bounds = ranges.slice(1).map(({ from }) => from!);
  const steps = `(SELECT ${keyRowSql(table)} AS key_row FROM fold_steps
    WHERE state.raw IS NULL AND (NOT known OR closed_tx IS NOT NULL))`;
  const found =
    bounds.length > 0
      ? `SELECT DISTINCT coalesce(range, 0)::INTEGER AS range FROM ${steps}
         ASOF LEFT JOIN (${rangesSql(table, bounds)}) ON key_row >= from_key`
      : `SELECT 0 AS range FROM ${steps} LIMIT 1`;
  const changed = new Set((await rowsOf(duckdb, found)).map(({ range }) => range));
  return ranges.filter(({ isPart }, i) => isPart || changed.has(i));
}
