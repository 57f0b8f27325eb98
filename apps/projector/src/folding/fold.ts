/**
 * A fold moves a table's changes from the changelog into its versions, in one commit that also says up to where. Until
 * then nothing of it is in any version of the table, so a crash leaves only files that nobody knows, and the next fold
 * starts from the same position. It never changes what a query answers, only how fast.
 *
 * The quarantine is another Delta table and goes first. A crash between the two leaves it ahead of the fold, which every
 * reader of it allows for by reading it as of the fold.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { Action, Snapshot } from '#libs/delta-log';
import { appIds, changelogTags, parquet, rowsOf } from '#libs/lake';
import { foldSql, literal, noQuarantineSql, noVersionsSql, openQuarantineSql, stepsSql } from '#libs/scd2';
import { foldPosition, openFiles, type VersionStore } from './version-store.js';
import { openFileOf, closedFilesOf, quarantineFileOf } from './version-files.js';

export interface Folded {
  readonly table: string;
  readonly changes: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** Folds `store` up to `position`, a transaction's last that the changelog holds. `duckdb` is this fold's alone. */
export async function fold(
  store: VersionStore,
  changelog: { folder: string; snapshot: Snapshot },
  position: number,
  duckdb: DuckDBConnection,
): Promise<Folded> {
  const started = performance.now();
  const from = foldPosition(store);
  const files = changelogFiles(changelog.snapshot, from, position).map((path) => `${changelog.folder}/${path}`);
  const changes = await loadChanges(store.table, files, { from, to: position }, duckdb);
  const actions = changes.count > 0 ? await foldChanges(store, changes.truncated, duckdb) : [];
  for (const rows of ['fold_changes', 'fold_steps']) await duckdb.run(`DROP TABLE IF EXISTS ${rows}`);
  await store.versions.commit([...actions, { txn: { appId: appIds.fold, version: position } }], 'FOLD');
  return { table: store.table.table, changes: changes.count, duration: performance.now() - started };
}

/** The changelog's files that hold positions after `from` and up to `to`. */
function changelogFiles({ files }: Snapshot, from: number, to: number): string[] {
  const tag = (tags: Record<string, string> | undefined, name: string) => Number(tags![name]);
  return [...files.values()]
    .filter(({ tags }) => tag(tags, changelogTags.lastPosition) > from && tag(tags, changelogTags.firstPosition) <= to)
    .map(({ path }) => path);
}

async function loadChanges(
  { table }: Table,
  files: string[],
  { from, to }: { from: number; to: number },
  duckdb: DuckDBConnection,
): Promise<{ count: number; truncated: boolean }> {
  if (files.length === 0) return { count: 0, truncated: false };
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE fold_changes AS
    SELECT position, tx_position, effective_at, op, key, after, actor, command FROM ${parquet(files)}
    WHERE "table" = ${literal(table)} AND position > ${from} AND position <= ${to}`);
  const [row] = await rowsOf(
    duckdb,
    `SELECT count(*) AS count, count(*) FILTER (op = 't') AS truncates FROM fold_changes`,
  );
  return { count: Number(row!.count), truncated: Number(row!.truncates) > 0 };
}

async function foldChanges(store: VersionStore, truncated: boolean, duckdb: DuckDBConnection): Promise<Action[]> {
  const { table, versions, quarantine } = store;
  const from = foldPosition(store);
  const old = openFiles(versions.snapshot).map(({ path }) => `${versions.folder}/${path}`);
  const known = quarantineFiles(store).map((path) => `${quarantine.folder}/${path}`);
  const open = old.length > 0 ? parquet(old) : `(${noVersionsSql(table)})`;
  const unknown = known.length > 0 ? parquet(known, `'${table.table}' AS "table"`) : `(${noQuarantineSql()})`;
  const rest = `(${openQuarantineSql(table, unknown, from)})`;
  await duckdb.run(
    `CREATE OR REPLACE TEMP TABLE fold_steps AS ${stepsSql(table, { changes: 'fold_changes', open, rest, truncated })}`,
  );
  const queries = foldSql(table, { steps: 'fold_steps', open, quarantine: unknown, foldPosition: from });
  const [unknowns] = await rowsOf(duckdb, queries.quarantineChanged);
  if (unknowns!.changed) await publishQuarantine(store, queries.quarantine, duckdb);
  const [steps] = await rowsOf(
    duckdb,
    'SELECT count(*) FILTER (NOT known OR closed_tx IS NOT NULL) AS count FROM fold_steps',
  );
  if (Number(steps!.count) === 0) return [];
  const added = [
    ...(await openFileOf(store, queries.open, duckdb)),
    ...(await closedFilesOf(store, queries.closed, duckdb)),
  ];
  return [
    ...removals(
      versions.snapshot,
      openFiles(versions.snapshot).map(({ path }) => path),
    ),
    ...added.map((add) => ({ add })),
  ];
}

const quarantineFiles = ({ table, quarantine }: VersionStore): string[] =>
  [...quarantine.snapshot.files.values()]
    .filter(({ partitionValues }) => partitionValues.table === table.table)
    .map(({ path }) => path);

async function publishQuarantine(store: VersionStore, query: string, duckdb: DuckDBConnection): Promise<void> {
  const added = await quarantineFileOf(store, query, duckdb);
  const removed = removals(store.quarantine.snapshot, quarantineFiles(store));
  await store.quarantine.commit([...removed, ...added.map((add) => ({ add }))], 'QUARANTINE');
}

const removals = (snapshot: Snapshot, paths: string[]): Action[] =>
  paths.map((path) => {
    const { partitionValues, size } = snapshot.files.get(path)!;
    return {
      remove: {
        path,
        deletionTimestamp: Date.now(),
        dataChange: true,
        extendedFileMetadata: true,
        partitionValues,
        size,
      },
    };
  });
