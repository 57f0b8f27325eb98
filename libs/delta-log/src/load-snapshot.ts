import type { DuckDBConnection } from '@duckdb/node-api';
import { CorruptLog } from './action.js';
import { readCheckpoint } from './checkpoint.js';
import { readCommit } from './commit.js';
import { readIfThere } from './durable-file.js';
import { entryPath, lastCheckpointPath, listLog, LogMovedOn } from './log-folder.js';
import { Snapshot, UnsupportedFile, UnsupportedTable } from './snapshot.js';

/** A clean-up may take the checkpoint or the entries from under a load; it cannot do so again and again. */
const attempts = 5;

/** Only a kind of checkpoint that is not read here leads to the entries that are there. */
class UnsupportedCheckpoint extends Error {
  readonly code = 'unsupported-checkpoint';
  constructor(readonly file: string) {
    super(
      `${file} is a checkpoint in several parts or of the second version, and the entries before it are gone. ` +
        'Let the program that wrote it write a classic one, in one file.',
    );
    this.name = 'UnsupportedCheckpoint';
  }
}

/**
 * The newest version, or null if there is no table. Begins at the checkpoint that `_last_checkpoint` names, which is a
 * hint and may be missing, torn or old; else at the newest one listed that can be read; else at version 0.
 * @throws UnsupportedTable, UnsupportedFile, UnsupportedCheckpoint; CorruptLog, also where a version is missing between
 * others; LogMovedOn if no checkpoint leads to the entries that are there.
 */
export async function loadSnapshot(folder: string, duckdb: DuckDBConnection): Promise<Snapshot | null> {
  let failure: LogMovedOn | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const start = (attempt === 0 && (await hintedState(folder, duckdb))) || (await listedState(folder, duckdb));
      return start && (await replay(folder, start));
    } catch (error) {
      if (!(error instanceof LogMovedOn)) throw error;
      failure = error;
    }
  }
  if (failure instanceof Gap)
    throw new CorruptLog(
      entryPath(folder, failure.version),
      'it is missing, though newer versions are there; restore it.',
    );
  throw failure;
}

/** What follows is not there, but something newer is: cleaned up meanwhile, or lost. */
class Gap extends LogMovedOn {}

async function hintedState(folder: string, duckdb: DuckDBConnection): Promise<Snapshot | null> {
  const hint = versionIn(await readIfThere(lastCheckpointPath(folder)));
  return hint === null ? null : stateIn(folder, hint, duckdb).catch(unlessUnsupported);
}

/** Version of the newest checkpoint, 0 if there is none. The hint may be ahead of it, so it is not asked. */
export const lastCheckpoint = async (folder: string): Promise<number> =>
  (await listLog(folder)).checkpoints.at(-1) ?? 0;

async function stateIn(folder: string, version: number, duckdb: DuckDBConnection): Promise<Snapshot> {
  return new Snapshot(version, await readCheckpoint(folder, version, duckdb));
}

/** Whatever else is wrong with a checkpoint, an older one and the entries may lead to the same state. */
function unlessUnsupported(error: unknown): null {
  if (error instanceof UnsupportedTable || error instanceof UnsupportedFile) throw error;
  return null;
}

function versionIn(hint: string | null): number | null {
  try {
    const { version } = JSON.parse(hint ?? '{}') as { version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : null;
  } catch {
    return null;
  }
}

async function listedState(folder: string, duckdb: DuckDBConnection): Promise<Snapshot | null> {
  const { entries, checkpoints, otherCheckpoints } = await listLog(folder);
  if (entries.length + checkpoints.length + otherCheckpoints.length === 0) return null;
  let cause: unknown;
  for (const version of checkpoints.toReversed()) {
    const state = await stateIn(folder, version, duckdb).catch((error: unknown) => {
      cause = error;
      return unlessUnsupported(error);
    });
    if (state) return state;
  }
  const first = await readCommit(folder, 0);
  if (first) return new Snapshot(0, first);
  if (otherCheckpoints.length > 0) throw new UnsupportedCheckpoint(otherCheckpoints.at(-1)!);
  throw new LogMovedOn(folder, 0, { cause });
}

/** To the end, which the listing proves: an entry that is missing looks like the next that is not there yet. */
async function replay(folder: string, snapshot: Snapshot): Promise<Snapshot> {
  for (;;) {
    for (let actions; (actions = await readCommit(folder, snapshot.version + 1));)
      snapshot.advance(snapshot.version + 1, actions);
    const { entries, checkpoints } = await listLog(folder);
    const next = snapshot.version + 1;
    if (Math.max(entries.at(-1) ?? -1, checkpoints.at(-1) ?? -1) < next) return snapshot;
    if (!entries.includes(next)) throw new Gap(folder, next);
  }
}
