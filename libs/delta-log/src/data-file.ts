import { randomUUID } from 'node:crypto';
import { rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { failpoint } from '#libs/failpoints';
import { syncDirectory, syncFile } from './durable-file.js';
import { draftPath } from './log-folder.js';

/**
 * Makes a data file out of what `write` writes to the path that it is given (a DuckDB COPY with FORMAT parquet), durable
 * when it resolves. It is in no version until its path (relative to the table's folder) is committed; a crash before
 * that leaves a file that `vacuum` deletes when it is a day old.
 * `prefix` begins its name: letters, digits, `_` and `-`, so that the path needs no encoding.
 */
export async function writeDataFile(
  folder: string,
  write: (temporaryPath: string) => Promise<void>,
  prefix = '',
): Promise<{ path: string; size: number }> {
  if (!/^([A-Za-z0-9][\w-]*)?$/.test(prefix))
    throw new RangeError(`The prefix is ${JSON.stringify(prefix)}; wanted letters, digits, _ and -`);
  const id = randomUUID();
  const path = `${prefix}${id}.parquet`;
  const draft = draftPath(folder, id);
  try {
    await write(draft);
    await failpoint('data-file.before-sync', folder);
    await syncFile(draft);
    const { size } = await stat(draft);
    await failpoint('data-file.before-rename', folder);
    await rename(draft, join(folder, path));
    await failpoint('data-file.before-directory-sync', folder);
    await syncDirectory(folder);
    return { path, size };
  } catch (error) {
    await unlink(draft).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** Names that `writeDataFile` gives. */
export const isDataFile = (name: string): boolean => /^[A-Za-z0-9][\w-]*\.parquet$/.test(name);
