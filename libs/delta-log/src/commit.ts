/**
 * Commits to a Delta log on a file system (Delta protocol, "Creation of New Log Entries": a version is written by
 * whoever creates its file first, and by nobody else).
 *
 * Complete or absent, never torn: the entry is written and synced under a temporary name, then given its own by link(2),
 * which fails if the name is taken. Creating the final name with O_EXCL and writing afterwards would show readers a half
 * entry for as long as the write takes.
 */
import { link, unlink } from 'node:fs/promises';
import { failpoint } from '#libs/failpoints';
import { type Action, decodeActions, encodeActions } from './action.js';
import { readIfThere, syncDirectory, writeDurably } from './durable-file.js';
import { draftPath, entryPath, isGone, isThere, logFolder, LogMovedOn } from './log-folder.js';

/** Another writer owns the table: whoever meets this has been replaced, and must not write again. */
export class Fenced extends Error {
  readonly code = 'fenced';
  constructor(
    readonly folder: string,
    readonly version: number,
  ) {
    super(`Version ${version} of ${folder} was committed by another writer.`);
    this.name = 'Fenced';
  }
}

/**
 * Writes `actions` as `version`, durable when it resolves.
 * `commitId` is the caller's and stays the same over retries, so that a retry after an unclear answer knows its own
 * entry; it stands in the entry's commitInfo.
 * @throws Fenced if the version exists and is not this commit, or the log does not end at the version before.
 */
export async function commit(
  folder: string,
  version: number,
  commitId: string,
  actions: readonly Action[],
): Promise<void> {
  const entry = encodeActions(withCommitId(commitId, actions));
  const log = logFolder(folder);
  const name = entryPath(folder, version);
  const draft = draftPath(log, commitId);
  try {
    await failpoint('commit.before-draft', folder);
    await writeDurably(draft, entry);
    await failpoint('commit.before-link', folder);
    await link(draft, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    if (!(await readIfThere(name))?.includes(commitId)) throw new Fenced(folder, version);
  } finally {
    await unlink(draft).catch(() => {}); // a draft left behind is no version, and is vacuumed
  }
  await refuseGap(folder, version);
  await failpoint('commit.before-directory-sync', folder);
  await syncDirectory(log);
}

/**
 * A writer that slept while others went on and the log was cleaned up finds its next version's name free again. Looked
 * at after the link, not before: if this name had been used and cleaned up, the version before had been, too.
 */
async function refuseGap(folder: string, version: number): Promise<void> {
  if (!isGone(folder, version - 1)) return;
  await unlink(entryPath(folder, version));
  throw new Fenced(folder, version);
}

/** One commitInfo, as the protocol wants it, of all that are given. */
function withCommitId(commitId: string, actions: readonly Action[]): Action[] {
  const infos = actions.filter((action) => 'commitInfo' in action);
  const commitInfo: Record<string, unknown> = Object.assign({}, ...infos.map((action) => action.commitInfo), {
    commitId,
  });
  return [{ commitInfo }, ...actions.filter((action) => !('commitInfo' in action))];
}

/**
 * The actions of one version, or null if it is the next one and not there yet. Cheap while it is not there: 2 µs.
 * @throws LogMovedOn if the version before is not there either: waiting for this one would never end.
 */
export async function readCommit(folder: string, version: number): Promise<readonly Action[] | null> {
  const path = entryPath(folder, version);
  const text = isThere(path) ? await readIfThere(path) : null;
  if (text !== null) return decodeActions(text, path);
  if (isGone(folder, version - 1)) throw new LogMovedOn(folder, version - 1);
  return null;
}
