import { failpoint } from '#libs/failpoints';
import { checkpointPath, entryPath, listLog } from './log-folder.js';
import { deleteIfThere, modifiedAt } from './durable-file.js';
import type { Snapshot } from './snapshot.js';
import { logRetention } from './table-properties.js';
import type { UpkeepOptions } from './vacuum.js';

/**
 * Deletes the versions before the newest checkpoint that is older than the log's retention (Delta protocol, "Metadata
 * Cleanup"), so that whatever is younger can still be read. Returns how many versions went.
 *
 * One after the other from the oldest on: readers and writers take a version that is there for a sign that all newer ones
 * are, and a crash in the middle leaves a log that begins later.
 */
export async function cleanLog(
  folder: string,
  snapshot: Snapshot,
  { now, retention = logRetention(snapshot.metadata) }: UpkeepOptions,
): Promise<number> {
  const { entries, checkpoints } = await listLog(folder);
  const first = await newestBefore(now - retention, folder, checkpoints);
  const versions = [...new Set([...entries, ...checkpoints])].filter((version) => version < first);
  for (const version of versions.toSorted((a, b) => a - b)) {
    await failpoint('clean-log.before-deletion', folder);
    await deleteIfThere(entryPath(folder, version));
    await failpoint('clean-log.before-deletion', folder);
    await deleteIfThere(checkpointPath(folder, version));
  }
  return versions.length;
}

async function newestBefore(time: number, folder: string, checkpoints: readonly number[]): Promise<number> {
  for (const version of checkpoints.toReversed()) {
    const written = await modifiedAt(checkpointPath(folder, version));
    if (written !== null && written < time) return version;
  }
  return 0;
}
