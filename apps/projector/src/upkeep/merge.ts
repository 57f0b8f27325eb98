/**
 * A merge writes the rows of several files into one, and puts it in their place by one commit that brings no row. What it
 * reads is immutable and kept for those who still read it; until the commit, its file is in no version: a crash leaves an
 * orphan. Whatever else commits meanwhile goes on. If that took one of the files away, the merge has come too late.
 */
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { mergedStats, writeDataFile, type AddFile, type DeltaTable } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { parquet, rowsOf } from '#libs/lake';
import { literal } from '#libs/scd2';
import type { Layout } from './layout.js';

/** A merged file does not hold what the files hold that it should replace. Nothing was committed: they stay. */
export class MergeDiffers extends Error {
  readonly code = 'merge-differs';
  constructor(
    readonly folder: string,
    readonly files: readonly string[],
  ) {
    super(
      `Merging ${files.length} files of ${folder} gave other rows than they hold, so they stay as they are. ` +
        `Compare them with the changelog before anything else is done to them: ${files.slice(0, 3).join(', ')}, …`,
    );
    this.name = 'MergeDiffers';
  }
}

/** Whether the table holds the merged file now. `now`: milliseconds since 1970. @throws MergeDiffers */
export async function merge(
  table: DeltaTable,
  files: readonly AddFile[],
  layout: Layout,
  { duckdb, now }: { readonly duckdb: DuckDBConnection; readonly now: number },
): Promise<boolean> {
  await failpoint(`merge-${layout.kind}.before-file`);
  const { folder } = table;
  const relation = parquet(files.map(({ path }) => join(folder, path)));
  let count = 0;
  const { partitionValues } = files[0]!;
  const write = async (path: string) => {
    count = await copy(relation, path, layout, duckdb);
    const [checked] = await rowsOf(duckdb, layout.sameRows(path, files, relation));
    if (checked!.same === true) return;
    throw new MergeDiffers(
      folder,
      files.map((file) => file.path),
    );
  };
  const merged: AddFile = {
    ...(await writeDataFile(folder, write, partitionValues as Record<string, string>)),
    partitionValues,
    modificationTime: now,
    dataChange: false,
    stats: mergedStats(
      files.map(({ stats }) => stats!),
      count,
    ),
    tags: layout.tagsOf(files),
  };
  await failpoint(`merge-${layout.kind}.before-commit`);
  const version = await table.replaceFiles(files, [merged], now);
  if (version === null) await unlink(join(folder, merged.path));
  return version !== null;
}

/** Returns how many rows there were. */
async function copy(relation: string, path: string, layout: Layout, duckdb: DuckDBConnection): Promise<number> {
  const order = layout.orderBy ? ` ORDER BY ${layout.orderBy}` : '';
  const [copied] = await rowsOf(
    duckdb,
    `COPY (SELECT * FROM ${relation}${order}) TO ${literal(path)}
     (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${layout.rowGroup})`,
  );
  return Number(copied!.Count);
}
