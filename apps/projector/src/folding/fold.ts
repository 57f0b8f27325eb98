/**
 * A fold moves a table's changes from the changelog into its versions, in one commit that also says up to where. Until
 * then nothing of it is in any version of the table, so a crash leaves only files that nobody knows, and the next fold
 * starts from the same position. It never changes what a query answers, only how fast.
 *
 * The quarantine is another Delta table and goes first. A crash between the two leaves it ahead of the fold, which every
 * reader of it allows for by reading it as of the fold.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { AddFile, RemoveFile } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { appIds, columnsSinceActions } from '#libs/lake';
import { foldFiles, type Changelog } from './fold-files.js';
import type { VersionStore } from './version-store.js';

export interface Folded {
  readonly table: string;
  readonly changes: number;
  /** Milliseconds. */
  readonly duration: number;
}

/** Folds `store` up to `position`, a transaction's last that the changelog holds. `duckdb` is this fold's alone. */
export async function fold(
  store: VersionStore,
  changelog: Changelog,
  position: number,
  { duckdb, rowsPerFile }: { readonly duckdb: DuckDBConnection; readonly rowsPerFile?: number | undefined },
): Promise<Folded> {
  const started = performance.now();
  store.refuseForeignFiles();
  const { files } = store;
  const outcome = await foldFiles(files, changelog, position, duckdb, rowsPerFile);
  const { changes, added, removedOpen, quarantine, since } = outcome;
  if (quarantine) {
    const actions = [...removals(files.quarantine.files), ...additions(quarantine)];
    await failpoint('quarantine.before-commit', files.folder);
    await store.quarantine.commit(actions, 'QUARANTINE');
    await failpoint('quarantine.after-commit', files.folder);
  }
  const txn = { appId: appIds.fold, version: position };
  await failpoint('fold.before-commit', files.folder);
  const stands = [{ txn }, ...columnsSinceActions(since, files.since)];
  await store.versions.commit([...removals(removedOpen), ...additions(added), ...stands], 'FOLD');
  await failpoint('fold.after-commit', files.folder);
  return { table: store.table.table, changes, duration: performance.now() - started };
}

const additions = (files: readonly AddFile[]): { add: AddFile }[] => files.map((add) => ({ add }));

const removals = (files: readonly AddFile[]): { remove: RemoveFile }[] =>
  files.map(({ path, partitionValues, size }) => ({
    remove: {
      ...{ path, deletionTimestamp: Date.now(), dataChange: true },
      ...{ extendedFileMetadata: true, partitionValues, size },
    },
  }));
