/** What a fold writes, without committing it: for the lake's own versions, and for those that a rebuild makes beside them. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { AddFile, Snapshot } from '#libs/delta-log';
import { changelogTags, parquet, rowsOf } from '#libs/lake';
import { foldSql, keysOfText, literal, noQuarantineSql, SeenColumns, type ColumnsSince } from '#libs/scd2';
import { foldStretch, stretchesOf, type FoldBatch } from './fold-stretch.js';
import { newestRow, refuseMissingColumns } from './missing-columns.js';
import { touchedRanges, type OpenRange } from './open-ranges.js';
import { bytesPerOpenFile, quarantineFileOf, rowsPerOpenFile, type VersionFiles } from './version-files.js';

export interface Changelog {
  readonly folder: string;
  readonly snapshot: Snapshot;
}

export interface FoldOutcome {
  /** How many of the table there were. */
  readonly changes: number;
  readonly added: readonly AddFile[];
  /** Files of `open` whose rows are in `added`, or closed there. */
  readonly removedOpen: readonly AddFile[];
  /** What stands for all of the quarantine's files from now on; null: they are as they were. To be published first. */
  readonly quarantine: readonly AddFile[] | null;
  /** Since when the changes have each column, up to the position. */
  readonly since: ColumnsSince;
}

/**
 * Folds the changes after `from.foldPosition` up to `position`, a transaction's last that the changelog holds, into new
 * files. They are durable when it resolves, and in no version of any table. `duckdb` is this fold's alone; `limit`: open
 * rows of a file, about.
 */
export async function foldFiles(
  from: VersionFiles,
  { folder, snapshot }: Changelog,
  position: number,
  duckdb: DuckDBConnection,
  limit = rowsPerOpenFile,
): Promise<FoldOutcome> {
  const log = { folder, snapshot };
  try {
    const { count, truncated, width } = await loadChanges(from, log, position, duckdb);
    if (count === 0) return { changes: 0, added: [], removedOpen: [], quarantine: null, since: from.since };
    const since = await columnsOf(from, log, position, duckdb);
    const changes = { relation: 'fold_changes', truncated };
    const rows = Math.max(1, Math.min(limit, Math.floor(bytesPerOpenFile / width)));
    const ranges = await touchedRanges(from.table, from, changes, { limit: rows, duckdb });
    const batch = { ...changes, quarantine: quarantineOf(from), since };
    const folded = await foldStretches(from, batch, stretchesOf(ranges, changes, rows), duckdb);
    return { changes: count, ...folded, since };
  } finally {
    for (const rows of tables) await duckdb.run(`DROP TABLE IF EXISTS ${rows}`);
  }
}

/** What a fold keeps in its connection. */
const tables = ['fold_changes', 'fold_steps', 'fold_unknown'];

/** The changelog's files that hold positions after `from` and up to `to`. */
function changelogFiles({ folder, snapshot: { files } }: Changelog, from: number, to: number): string[] {
  const tag = (tags: Record<string, string> | undefined, name: string) => Number(tags![name]);
  return [...files.values()]
    .filter(({ tags }) => tag(tags, changelogTags.lastPosition) > from && tag(tags, changelogTags.firstPosition) <= to)
    .map(({ path }) => `${folder}/${path}`);
}

/** Null where there is no file. */
function changesOf({ table }: Table, log: Changelog, after: number, to: number): string | null {
  const files = changelogFiles(log, after, to);
  if (files.length === 0) return null;
  return `(SELECT position, tx_position, effective_at, op, key, after, actor, command FROM ${parquet(files)}
    WHERE "table" = ${literal(table)} AND position > ${after} AND position <= ${Math.min(to, Number.MAX_SAFE_INTEGER)})`;
}

/** Since when the changes have each column, with those in `fold_changes`. @throws ColumnMissing */
async function columnsOf(
  { table, foldPosition, since }: VersionFiles,
  log: Changelog,
  to: number,
  duckdb: DuckDBConnection,
): Promise<ColumnsSince> {
  const columns = new SeenColumns(table, since);
  // what was folded before anybody kept it says so once more
  const isKept = since.size > 0 || foldPosition === 0;
  await columns.seeAll(duckdb, isKept ? 'fold_changes' : changesOf(table, log, 0, to)!);
  const newest = () => newestRow(changesOf(table, log, foldPosition, Infinity)!, duckdb);
  await refuseMissingColumns(table, columns, await newestRow('fold_changes', duckdb), newest);
  return columns.since;
}

interface LoadedChanges {
  readonly count: number;
  readonly truncated: boolean;
  /** Characters of a row, on average. */
  readonly width: number;
}

async function loadChanges(
  { table, foldPosition }: VersionFiles,
  log: Changelog,
  to: number,
  duckdb: DuckDBConnection,
): Promise<LoadedChanges> {
  const changes = changesOf(table, log, foldPosition, to);
  if (changes === null) return { count: 0, truncated: false, width: 1 };
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE fold_changes AS ${keysOfText(table, changes)}`);
  const [row] = await rowsOf(
    duckdb,
    `SELECT count(*)::INTEGER AS count, coalesce(bool_or(op = 't'), false) AS truncated,
       coalesce(avg(strlen(after)), 1)::DOUBLE AS width FROM fold_changes`,
  );
  return row as unknown as LoadedChanges;
}

function quarantineOf({ table, quarantine }: VersionFiles): string {
  const files = quarantine.files.map(({ path }) => `${quarantine.folder}/${path}`);
  return files.length > 0 ? parquet(files, `${literal(table.table)} AS "table"`) : `(${noQuarantineSql()})`;
}

async function foldStretches(
  from: VersionFiles,
  batch: FoldBatch,
  stretches: OpenRange[][],
  duckdb: DuckDBConnection,
): Promise<Omit<FoldOutcome, 'changes' | 'since'>> {
  const [added, removedOpen] = [[] as AddFile[], new Set<AddFile>()];
  const source = { steps: 'fold_steps', open: '', quarantine: batch.quarantine, foldPosition: from.foldPosition };
  const { quarantineChanged } = foldSql(from.table, source);
  let isChanged = false;
  for (const ranges of stretches) {
    const outcome = await foldStretch(from, batch, ranges, duckdb);
    added.push(...outcome.added);
    for (const file of outcome.removedOpen) removedOpen.add(file);
    const [unknown] = await rowsOf(duckdb, quarantineChanged);
    if (!unknown!.changed) continue;
    const steps = `FROM fold_steps WHERE state.raw IS NOT NULL`;
    await duckdb.run(
      isChanged ? `INSERT INTO fold_unknown ${steps}` : `CREATE OR REPLACE TEMP TABLE fold_unknown AS ${steps}`,
    );
    isChanged = true;
  }
  const unknown = foldSql(from.table, { ...source, steps: 'fold_unknown' }).quarantine;
  const quarantine = isChanged ? await quarantineFileOf(from, unknown, duckdb) : null;
  return { added, removedOpen: [...removedOpen], quarantine };
}
