import type { DuckDBConnection } from '@duckdb/node-api';
import type { Action } from './action.js';
import { readCheckpoint } from './checkpoint.js';
import { readCommit } from './commit.js';
import { readIfThere } from './durable-file.js';
import { lastCheckpointPath, listLog, LogMovedOn } from './log-folder.js';
import { Snapshot } from './snapshot.js';

/** A clean-up may take the checkpoint or the entries from under a load; it cannot do so again and again. */
const attempts = 5;

/**
 * The newest version, or null if there is no table. Begins at the checkpoint that `_last_checkpoint` names, which is a
 * hint and may be missing, torn or old; else at the newest one listed that can be read; else at version 0.
 * @throws UnsupportedTable, CorruptLog; LogMovedOn if no checkpoint leads to the entries that are there.
 */
export async function loadSnapshot(folder: string, duckdb: DuckDBConnection): Promise<Snapshot | null> {
  let movedOn: LogMovedOn | undefined;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const start = (attempt === 0 && (await hintedState(folder, duckdb))) || (await listedState(folder, duckdb));
      return start && (await replay(folder, start));
    } catch (error) {
      if (!(error instanceof LogMovedOn)) throw error;
      movedOn = error;
    }
  }
  throw movedOn;
}

async function hintedState(folder: string, duckdb: DuckDBConnection): Promise<Snapshot | null> {
  const hint = versionIn(await readIfThere(lastCheckpointPath(folder)));
  const actions = hint === null ? null : await readCheckpoint(folder, hint, duckdb).catch(() => null);
  return actions && new Snapshot(hint!, actions);
}

/** Version of the newest checkpoint, as far as the hint tells; 0 where it tells nothing. */
export const lastCheckpoint = async (folder: string): Promise<number> =>
  versionIn(await readIfThere(lastCheckpointPath(folder))) ?? 0;

function versionIn(hint: string | null): number | null {
  try {
    const { version } = JSON.parse(hint ?? '{}') as { version?: unknown };
    return Number.isSafeInteger(version) ? (version as number) : null;
  } catch {
    return null;
  }
}

async function listedState(folder: string, duckdb: DuckDBConnection): Promise<Snapshot | null> {
  const { entries, checkpoints } = await listLog(folder);
  if (entries.length === 0 && checkpoints.length === 0) return null;
  let cause: unknown;
  for (const version of checkpoints.toReversed()) {
    const actions: Action[] | null = await readCheckpoint(folder, version, duckdb).catch((error: unknown) => {
      cause = error;
      return null;
    });
    if (actions) return new Snapshot(version, actions);
  }
  const first = await readCommit(folder, 0);
  if (!first) throw new LogMovedOn(folder, 0, { cause });
  return new Snapshot(0, first);
}

async function replay(folder: string, snapshot: Snapshot): Promise<Snapshot> {
  const start = snapshot.version;
  for (let actions; (actions = await readCommit(folder, snapshot.version + 1));)
    snapshot.advance(snapshot.version + 1, actions);
  if (snapshot.version === start) await refuseOlder(folder, start);
  return snapshot;
}

/** Nothing follows an old checkpoint if what followed it was deleted; then a newer checkpoint replaces it. */
async function refuseOlder(folder: string, version: number): Promise<void> {
  const { entries, checkpoints } = await listLog(folder);
  const newest = Math.max(entries.at(-1) ?? -1, checkpoints.at(-1) ?? -1);
  if (newest > version + 1) throw new LogMovedOn(folder, version + 1);
}
