import { randomUUID } from 'node:crypto';
import { rename, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failpoint } from '#libs/failpoints';
import { makeDirectory, syncDirectory, syncFile } from './durable-file.js';
import { draftPath } from './log-folder.js';

/**
 * Files that this process makes or has made and not committed yet: their age alone must not condemn them, since a clock
 * may jump by a day between a file and its commit. What is never committed goes after the process's end.
 */
const uncommitted = new Set<string>();

export const isUncommitted = (path: string): boolean => uncommitted.has(path);
export const wasCommitted = (path: string): void => void uncommitted.delete(path);

/**
 * Makes a data file out of what `write` writes to the path that it is given (a DuckDB COPY with FORMAT parquet), durable
 * when it resolves. It is in no version until its path (relative to the table's folder) is committed; a crash before
 * that leaves a file that `vacuum` deletes when it is a day old.
 *
 * `partition` names the directory that it lies in, as Hive has it: by the protocol the log alone says which partition a
 * file is of, but polars takes the values from the path, and NULL where they are not in it.
 * @throws RangeError for a partition that a path would have to encode
 */
export async function writeDataFile(
  folder: string,
  write: (temporaryPath: string) => Promise<void>,
  partition: Readonly<Record<string, string>> = {},
): Promise<{ path: string; size: number }> {
  const id = randomUUID();
  const path = [...directoriesOf(partition), `${id}.parquet`].join('/');
  const directory = dirname(join(folder, path));
  const draft = draftPath(folder, id);
  uncommitted.add(draft).add(join(folder, path));
  try {
    await write(draft);
    await failpoint('data-file.before-sync', folder);
    await syncFile(draft);
    const { size } = await stat(draft);
    await failpoint('data-file.before-rename', folder);
    if (directory !== folder) await makeDirectory(directory);
    await rename(draft, join(folder, path));
    await failpoint('data-file.before-directory-sync', folder);
    await syncDirectory(directory);
    return { path, size };
  } catch (error) {
    await unlink(draft).catch(() => {}); // the first error is the one to tell
    uncommitted.delete(join(folder, path));
    throw error;
  } finally {
    uncommitted.delete(draft);
  }
}

const directoriesOf = (partition: Readonly<Record<string, string>>): string[] =>
  Object.entries(partition).map(([column, value]) => {
    const name = `${column}=${value}`;
    if (!isPartition(name)) throw new RangeError(`The partition is ${name}; wanted letters, digits, _ and -`);
    return name;
  });

/** Whether a file's path is one that `writeDataFile` gives; those of other programs have more than an id in their names. */
export const isNamedHere = (path: string): boolean =>
  /^([A-Za-z]\w*=[\w-]+\/)*[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.parquet$/.test(path);

/** Names that `writeDataFile` gives, and those of its directories. */
export const isDataFile = (name: string): boolean => /^[A-Za-z0-9][\w-]*\.parquet$/.test(name);
export const isPartition = (name: string): boolean => /^[A-Za-z][\w]*=[\w-]+$/.test(name);
