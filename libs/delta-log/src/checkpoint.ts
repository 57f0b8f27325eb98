/**
 * Classic checkpoints (Delta protocol, "Checkpoints"): a table's whole state in one Parquet file of the log, so that
 * older entries need not be read, nor kept. Written and read by DuckDB.
 */
import { randomUUID } from 'node:crypto';
import { rename, stat, unlink, writeFile } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { failpoint } from '#libs/failpoints';
import { type Action, CorruptLog, decodeActions, encodeActions } from './action.js';
import { replaceDurably, syncDirectory, syncFile } from './durable-file.js';
import {
  checkpointPath,
  draftPath,
  entryPath,
  isGone,
  isThere,
  lastCheckpointPath,
  logFolder,
  LogMovedOn,
} from './log-folder.js';
import type { Snapshot } from './snapshot.js';
import { tombstoneRetention } from './table-properties.js';

const map = 'MAP(VARCHAR, VARCHAR)';

/** Delta protocol, "Checkpoint Schema": what a table of reader 1, writer 2 has. Every field optional, as DuckDB writes. */
const columns = {
  txn: 'STRUCT("appId" VARCHAR, "version" BIGINT, "lastUpdated" BIGINT)',
  add: `STRUCT("path" VARCHAR, "partitionValues" ${map}, "size" BIGINT, "modificationTime" BIGINT,
    "dataChange" BOOLEAN, "tags" ${map}, "stats" VARCHAR)`,
  remove: `STRUCT("path" VARCHAR, "deletionTimestamp" BIGINT, "dataChange" BOOLEAN, "extendedFileMetadata" BOOLEAN,
    "partitionValues" ${map}, "size" BIGINT)`,
  metaData: `STRUCT("id" VARCHAR, "name" VARCHAR, "description" VARCHAR,
    "format" STRUCT("provider" VARCHAR, "options" ${map}), "schemaString" VARCHAR, "partitionColumns" VARCHAR[],
    "configuration" ${map}, "createdTime" BIGINT)`,
  protocol: 'STRUCT("minReaderVersion" INTEGER, "minWriterVersion" INTEGER)',
};

const actionsPerTurn = 1000;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * Durable when it resolves. The snapshot may advance meanwhile: its state of now is what is written.
 * @throws LogMovedOn if the log was cleaned up past it: a version must not come back, see `isGone`.
 */
export async function checkpoint(
  folder: string,
  snapshot: Snapshot,
  duckdb: DuckDBConnection,
  now = Date.now(),
): Promise<void> {
  const { version } = snapshot;
  if (isGone(folder, version)) throw new LogMovedOn(folder, version);
  const hadEntry = isThere(entryPath(folder, version));
  const actions = stateOf(snapshot, now);
  const numOfAddFiles = snapshot.files.size;
  const sizeInBytes = await writeCheckpoint(folder, version, actions, duckdb);
  // looked at once more when it has its name, as a commit is: whoever writes may have slept through a clean-up meanwhile
  if (hadEntry && !isThere(entryPath(folder, version))) {
    await unlink(checkpointPath(folder, version));
    throw new LogMovedOn(folder, version);
  }
  await failpoint('checkpoint.before-hint', folder);
  // The hint comes after what it points to: without it, or with an older one, the log is listed or more of it replayed.
  const hint = JSON.stringify({ version, size: actions.length, sizeInBytes, numOfAddFiles });
  await replaceDurably(lastCheckpointPath(folder), draftPath(logFolder(folder), randomUUID()), hint);
}

function stateOf(snapshot: Snapshot, now: number): Action[] {
  const expired = now - tombstoneRetention(snapshot.metadata);
  return [
    { protocol: snapshot.protocol },
    { metaData: snapshot.metadata },
    ...[...snapshot.transactions].map(([appId, version]) => ({ txn: { appId, version } })),
    ...[...snapshot.files.values()].map((add) => ({ add })),
    ...[...snapshot.tombstones.values()]
      .filter(({ deletionTimestamp }) => deletionTimestamp >= expired)
      .map((remove) => ({ remove })),
  ];
}

/** Two hours of a busy table's tombstones in one go would hold everybody else up for a quarter of a second. */
async function* encodedInTurns(actions: readonly Action[]): AsyncIterable<string> {
  for (let from = 0; from < actions.length; from += actionsPerTurn) {
    yield encodeActions(actions.slice(from, from + actionsPerTurn));
    await turn();
  }
}

/** Returns the checkpoint's size in bytes. */
async function writeCheckpoint(
  folder: string,
  version: number,
  actions: readonly Action[],
  duckdb: DuckDBConnection,
): Promise<number> {
  const log = logFolder(folder);
  const json = draftPath(log, `${randomUUID()}.ndjson`);
  const parquet = draftPath(log, `${randomUUID()}.parquet`);
  try {
    await writeFile(json, encodedInTurns(actions));
    await failpoint('checkpoint.before-parquet', folder);
    const types = Object.entries(columns).map(([name, type]) => `"${name}": ${literal(type)}`);
    const copied = await duckdb.runAndReadAll(
      `COPY (SELECT * FROM read_json(${literal(json)}, format = 'newline_delimited', columns = {${types.join(', ')}},
       maximum_object_size = 67108864)) TO ${literal(parquet)} (FORMAT parquet, COMPRESSION snappy)`,
    );
    // The log before a checkpoint gets deleted: one that lacks a row must never be.
    const written = Number(copied.getColumns()[0]?.[0]);
    if (written !== actions.length)
      throw new CorruptLog(parquet, `${written} of ${actions.length} actions were written`);
    await syncFile(parquet);
    const { size } = await stat(parquet);
    await failpoint('checkpoint.before-rename', folder);
    await rename(parquet, checkpointPath(folder, version));
    await syncDirectory(log);
    return size;
  } finally {
    await Promise.all([json, parquet].map((draft) => unlink(draft).catch(() => {}))); // vacuumed if a crash leaves them
  }
}

/** @throws whatever DuckDB says of a file that is gone or no checkpoint. */
export async function readCheckpoint(folder: string, version: number, duckdb: DuckDBConnection): Promise<Action[]> {
  const path = checkpointPath(folder, version);
  const reader = await duckdb.runAndReadAll(
    `SELECT to_json(actions)::VARCHAR FROM read_parquet(${literal(path)}) AS actions`,
  );
  const lines = reader.getColumns()[0] ?? [];
  return decodeActions(lines.join('\n'), path).map(withoutNulls);
}

/** A row has a column for each kind of action and a field for each optional one: what is not said is NULL there. */
function withoutNulls(row: Action): Action {
  const said = (value: object) => Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null));
  return Object.fromEntries(
    Object.entries(said(row)).map(([kind, fields]) => [kind, said(fields as object)]),
  ) as Action;
}
