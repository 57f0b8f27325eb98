/**
 * Writes the lake that a history would have left: real tables with real commits, by the projector's own writers, in files
 * by period and by key range. Beside it one file of the same versions sorted by key and time, which is what the same rows
 * cost without a layout.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { capturedTables, type Catalog } from '#libs/catalog';
import type { SourceEpoch } from '#libs/change-event';
import { createTable, DeltaTable, statsOf, writeDataFile, type AddFile } from '#libs/delta-log';
import { appIds, changelog, changelogTags, configuration, openDuckDb } from '#libs/lake';
import { closedFilesOf, openFileOf } from '../../apps/projector/src/folding/version-files.js';
import { openVersionStores, type VersionStore } from '../../apps/projector/src/folding/version-store.js';
import { keyOf, type History } from './history.js';

export interface MadeUpLake {
  /** Folders and files. */
  readonly lake: string;
  readonly oneFile: string;
}

/** Rows of a file, as folds and merges leave them. */
const [rowsOfOpenFile, rowsOfPeriodFile, rowsOfChangelogFile] = [190_000, 4_000_000, 2_000_000];

/** `texts`: the changelog has its rows' texts, so that the versions can be made from it again. */
export async function makeUpLake(
  folder: string,
  catalog: Catalog,
  history: History,
  { texts }: { readonly texts: boolean },
): Promise<MadeUpLake> {
  const temporaryFolder = join(folder, 'sorting');
  const instance = await openDuckDb({ threads: 2, memoryLimit: '4GB', temporaryFolder });
  const duckdb = await instance.connect();
  const [lake, oneFile] = [join(folder, 'lake'), join(folder, 'one.parquet')];
  try {
    const epoch = history.epoch(capturedTables(catalog).keys());
    await writeChangelog(lake, history, { texts, epoch }, duckdb);
    const [store] = await openVersionStores(lake, catalog.tables, duckdb);
    await writeVersions(store!, history, duckdb);
    await duckdb.run(`COPY (SELECT * FROM (${history.versionsOf(0, history.keys, 'all')}))
      TO '${oneFile}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480)`);
    return { lake, oneFile };
  } finally {
    duckdb.closeSync();
    instance.closeSync();
  }
}

/** The catalog of the history's table alone. */
export const catalogOf = (catalog: Catalog, name: string): Catalog => ({
  ...catalog,
  tables: catalog.tables.filter(({ table }) => table === name),
});

async function writeVersions(store: VersionStore, history: History, duckdb: DuckDBConnection): Promise<void> {
  const added: AddFile[] = [];
  const { files } = store;
  for (let from = 0; from < history.keys; from += rowsOfOpenFile) {
    const to = Math.min(from + rowsOfOpenFile, history.keys);
    const query = history.versionsOf(from, to, 'open');
    added.push(...(await openFileOf(files, query, from === 0 ? null : [keyOf(from)], duckdb)));
  }
  for (let from = 1; from <= history.versions; from += rowsOfPeriodFile) {
    const query = history.closedBetween(from, Math.min(from + rowsOfPeriodFile, history.versions + 1));
    added.push(...(await closedFilesOf(files, query, duckdb)));
  }
  const txn = { appId: appIds.fold, version: history.versions };
  await store.versions.commit([...added.map((add) => ({ add })), { txn }], 'FOLD');
}

async function writeChangelog(
  lake: string,
  history: History,
  { texts, epoch }: { texts: boolean; epoch: SourceEpoch },
  duckdb: DuckDBConnection,
): Promise<void> {
  const folder = join(lake, changelog.name);
  await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, duckdb);
  const table = await DeltaTable.open(folder, duckdb);
  const added: AddFile[] = [];
  for (let from = 1; from <= history.versions; from += rowsOfChangelogFile) {
    const to = Math.min(from + rowsOfChangelogFile - 1, history.versions);
    added.push(await changelogFile(folder, history, { from, to, texts }, duckdb));
  }
  const { metadata } = table.snapshot;
  const opened = { ...metadata.configuration, [configuration.epoch]: JSON.stringify(epoch) };
  const txn = (appId: string, version: number) => ({ txn: { appId, version } });
  await table.commit([
    { metaData: { ...metadata, configuration: opened } },
    ...added.map((add) => ({ add })),
    txn(appIds.position, history.versions),
    txn(appIds.commitLsn, history.versions),
    txn(appIds.effectiveAt, history.effectiveAt),
  ]);
}

async function changelogFile(
  folder: string,
  history: History,
  { from, to, texts }: { from: number; to: number; texts: boolean },
  duckdb: DuckDBConnection,
): Promise<AddFile> {
  const file = await writeDataFile(folder, async (path) => {
    await duckdb.run(`COPY (${history.changes(from, to + 1, texts)}) TO '${path}' (FORMAT parquet, COMPRESSION zstd)`);
  });
  const { firstPosition, lastPosition, firstEffectiveAt, lastEffectiveAt } = changelogTags;
  return {
    ...file,
    ...{ partitionValues: {}, modificationTime: Date.now(), dataChange: true },
    stats: statsOf({ numRecords: to - from + 1, minValues: { position: from }, maxValues: { position: to } }),
    tags: {
      ...{ [firstPosition]: String(from), [lastPosition]: String(to) },
      [firstEffectiveAt]: String(history.time(history.txOf(from))),
      [lastEffectiveAt]: String(history.time(history.txOf(to))),
    },
  };
}
