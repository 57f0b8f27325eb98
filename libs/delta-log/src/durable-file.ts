/** Files that are on disk, under their name, when the call returns: what is acknowledged survives a power failure. */
import { mkdir, open, readFile, readdir, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failpoint } from '#libs/failpoints';

export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Readers see the old text or the new one, never a part. `mayReplace` is the last to refuse, once the draft is there. */
export async function replaceDurably(
  path: string,
  draft: string,
  text: string,
  mayReplace?: () => Promise<void>,
): Promise<void> {
  await writeDurably(draft, text);
  await mayReplace?.();
  await failpoint('file.before-rename', path);
  await rename(draft, path);
  await failpoint('file.before-directory-sync', path);
  await syncDirectory(dirname(path));
}

/** For a file that another library wrote. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A new name is durable only when its directory is. Windows has no such call; NTFS journals its names itself. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Makes a directory and what it stands in. The directory's own name is synced even if it was there: whoever made it may
 * have crashed before doing so.
 */
export async function makeDirectory(path: string): Promise<void> {
  const first = dirname((await mkdir(path, { recursive: true })) ?? path);
  for (let at = dirname(path); ; at = dirname(at)) {
    await syncDirectory(at);
    if (at === first || at === dirname(at)) return;
  }
}

export const readIfThere = (path: string): Promise<string | null> => orNull(readFile(path, 'utf8'));

export const namesIn = async (directory: string): Promise<string[]> => (await orNull(readdir(directory))) ?? [];

/** Milliseconds since 1970. */
export const modifiedAt = async (path: string): Promise<number | null> => (await orNull(stat(path)))?.mtimeMs ?? null;

export const deleteIfThere = async (path: string): Promise<void> => void (await orNull(unlink(path)));

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
