/**
 * Deletes files that no version needs: those of tombstones past the table's retention, and what crashes left behind.
 *
 * A file of no version may be one that its writer is about to commit, so it must be a day old, and not be this process's
 * own; a job of another process that commits its files later than that must not run beside this. Only names that this library gives are touched.
 */
import { join, relative } from 'node:path';
import { failpoint } from '#libs/failpoints';
import { readCommit } from './commit.js';
import { isDataFile, isPartition, isUncommitted } from './data-file.js';
import { deleteIfThere, modifiedAt, namesIn } from './durable-file.js';
import { isDraft, logFolder } from './log-folder.js';
import type { Snapshot } from './snapshot.js';
import { tombstoneRetention } from './table-properties.js';

const day = 24 * 60 * 60 * 1000;

export interface UpkeepOptions {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds, instead of the table property. */
  readonly retention?: number;
}

/**
 * Paths, relative to the table's folder, that `vacuum` would delete. The snapshot may be older than the log.
 * @throws LogMovedOn if it is too old to be brought up to date: it would take newer files for orphans.
 */
export async function listOrphans(
  folder: string,
  snapshot: Snapshot,
  { now, retention = tombstoneRetention(snapshot.metadata) }: UpkeepOptions,
): Promise<string[]> {
  const names = await namesIn(folder);
  const added = await addedSince(folder, snapshot);
  const aged = async (path: string) =>
    !isUncommitted(join(folder, path)) && ((await modifiedAt(join(folder, path))) ?? now) < now - day;
  const orphans: string[] = [];
  for (const path of [...names.filter(isDataFile), ...(await partitioned(folder, names))]) {
    if (snapshot.files.has(path) || added.has(path)) continue;
    const tombstone = snapshot.tombstones.get(path);
    if (tombstone ? tombstone.deletionTimestamp < now - retention : await aged(path)) orphans.push(path);
  }
  for (const path of [...names.filter(isDraft), ...(await draftsOfLog(folder))])
    if (await aged(path)) orphans.push(path);
  return orphans;
}

/** Deletes what `listOrphans` lists, forgets the snapshot's tombstones of it, and returns it. */
export async function vacuum(folder: string, snapshot: Snapshot, options: UpkeepOptions): Promise<string[]> {
  const orphans = await listOrphans(folder, snapshot, options);
  for (const path of orphans) {
    await failpoint('vacuum.before-deletion', folder);
    await deleteIfThere(join(folder, path));
  }
  snapshot.expireTombstones(options.now - (options.retention ?? tombstoneRetention(snapshot.metadata)));
  return orphans;
}

async function addedSince(folder: string, { version }: Snapshot): Promise<Set<string>> {
  const paths = new Set<string>();
  for (let next = version + 1, actions; (actions = await readCommit(folder, next)); next++)
    for (const action of actions) if ('add' in action) paths.add(action.add.path);
  return paths;
}

/** Of the directories of one partition column: no table here has more. */
async function partitioned(folder: string, names: readonly string[]): Promise<string[]> {
  const paths = names.filter(isPartition).map(async (partition) => {
    const files = (await namesIn(join(folder, partition))).filter(isDataFile);
    return files.map((name) => `${partition}/${name}`);
  });
  return (await Promise.all(paths)).flat();
}

async function draftsOfLog(folder: string): Promise<string[]> {
  const log = logFolder(folder);
  return (await namesIn(log)).filter(isDraft).map((name) => relative(folder, join(log, name)));
}
