/**
 * One product a data folder. The lock is a file that names its owner's process; one whose owner is gone is stale, and
 * taken over. Postgres has a lock of its own below this one: even if two starts won here at once, only one would run.
 */
import { isRunning, processName } from '#libs/running-process';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export class DataFolderLocked extends Error {
  readonly code = 'data-folder-locked';
  constructor(
    readonly folder: string,
    readonly pid: number,
  ) {
    super(
      `MigsbyU is running on ${folder} already (process ${pid}). Use that one or stop it; ` +
        'DATA_DIR names another folder for a second one.',
    );
    this.name = 'DataFolderLocked';
  }
}

export interface DataFolderLock {
  release(): Promise<void>;
}

/** Makes the folder if it is not there. @throws DataFolderLocked */
export async function lockDataFolder(folder: string): Promise<DataFolderLock> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, 'standalone.lock');
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, processName(process.pid));
  try {
    while (!(await claim(draft, file))) await discardIfStale(file, folder);
  } finally {
    await rm(draft, { force: true });
  }
  return { release: () => rm(file, { force: true }) };
}

/** link(2) shows the whole lock or none, and fails where there is one. */
async function claim(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function discardIfStale(file: string, folder: string): Promise<void> {
  const owner = await contentOf(file);
  if (owner === null) return;
  if (isRunning(owner)) throw new DataFolderLocked(folder, Number.parseInt(owner, 10));
  const grave = `${file}.stale-${process.pid}`;
  try {
    await rename(file, grave);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return; // another start buried it
    throw error;
  }
  // Another start may have buried the stale lock and put its own in that place: that one goes back.
  if ((await contentOf(grave)) !== owner) await claim(grave, file);
  await rm(grave, { force: true });
}

async function contentOf(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;
