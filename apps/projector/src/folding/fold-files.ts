/** What a fold writes, without committing it: for the lake's own versions, and for those that a rebuild makes beside them. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { AddFile, Snapshot } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { changelogTags, parquet, rowsOf } from '#libs/lake';
import { foldSql, literal, noQuarantineSql, noVersionsSql, openQuarantineSql, stepsSql } from '#libs/scd2';
import { closedFilesOf, openFileOf, quarantineFileOf, type VersionFiles } from './version-files.js';

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
}

/**
 * Folds the changes after `from.foldPosition` up to `position`, a transaction's last that the changelog holds, into new
 * files. They are durable when it resolves, and in no version of any table. `duckdb` is this fold's alone.
 */
export async function foldFiles(
  from: VersionFiles,
  { folder, snapshot }: Changelog,
  position: number,
  duckdb: DuckDBConnection,
): Promise<FoldOutcome> {
  const files = changelogFiles(snapshot, from.foldPosition, position).map((path) => `${folder}/${path}`);
  try {
    const changes = await loadChanges(from, files, position, duckdb);
    const written = changes.count > 0 ? await foldChanges(from, changes.truncated, duckdb) : unchanged;
    return { changes: changes.count, ...written };
  } finally {
    for (const rows of ['fold_changes', 'fold_steps']) await duckdb.run(`DROP TABLE IF EXISTS ${rows}`);
  }
}

const unchanged = { added: [], removedOpen: [], quarantine: null };

/** The changelog's files that hold positions after `from` and up to `to`. */
function changelogFiles({ files }: Snapshot, from: number, to: number): string[] {
  const tag = (tags: Record<string, string> | undefined, name: string) => Number(tags![name]);
  return [...files.values()]
    .filter(({ tags }) => tag(tags, changelogTags.lastPosition) > from && tag(tags, changelogTags.firstPosition) <= to)
    .map(({ path }) => path);
}

async function loadChanges(
  { table, foldPosition }: VersionFiles,
  files: string[],
  to: number,
  duckdb: DuckDBConnection,
): Promise<{ count: number; truncated: boolean }> {
  if (files.length === 0) return { count: 0, truncated: false };
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE fold_changes AS
    SELECT position, tx_position, effective_at, op, key, after, actor, command FROM ${parquet(files)}
    WHERE "table" = ${literal(table.table)} AND position > ${foldPosition} AND position <= ${to}`);
  const [row] = await rowsOf(
    duckdb,
    `SELECT count(*) AS count, count(*) FILTER (op = 't') AS truncates FROM fold_changes`,
  );
  return { count: Number(row!.count), truncated: Number(row!.truncates) > 0 };
}

async function foldChanges(from: VersionFiles, truncated: boolean, duckdb: DuckDBConnection) {
  const { table, foldPosition } = from;
  const old = from.open.map(({ path }) => `${from.folder}/${path}`);
  const known = from.quarantine.files.map(({ path }) => `${from.quarantine.folder}/${path}`);
  const open = old.length > 0 ? parquet(old) : `(${noVersionsSql(table)})`;
  const unknown = known.length > 0 ? parquet(known, `'${table.table}' AS "table"`) : `(${noQuarantineSql()})`;
  const rest = `(${openQuarantineSql(table, unknown, foldPosition)})`;
  await failpoint('fold.before-steps', from.folder);
  await duckdb.run(
    `CREATE OR REPLACE TEMP TABLE fold_steps AS ${stepsSql(table, { changes: 'fold_changes', open, rest, truncated })}`,
  );
  await failpoint('fold.before-files', from.folder);
  const queries = foldSql(table, { steps: 'fold_steps', open, quarantine: unknown, foldPosition });
  const [unknowns] = await rowsOf(duckdb, queries.quarantineChanged);
  const quarantine = unknowns!.changed ? await quarantineFileOf(from, queries.quarantine, duckdb) : null;
  const [steps] = await rowsOf(
    duckdb,
    'SELECT count(*) FILTER (NOT known OR closed_tx IS NOT NULL) AS count FROM fold_steps',
  );
  if (Number(steps!.count) === 0) return { ...unchanged, quarantine };
  const added = [
    ...(await openFileOf(from, queries.open, duckdb)),
    ...(await closedFilesOf(from, queries.closed, duckdb)),
  ];
  return { added, removedOpen: from.open, quarantine };
}
