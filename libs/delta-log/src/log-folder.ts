/** Names in a table's log. Whatever has another name (a draft, a checksum) is no version and is not looked at. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { namesIn } from './durable-file.js';

const padded = (version: number): string => String(version).padStart(20, '0');

export const logFolder = (folder: string): string => join(folder, '_delta_log');

export const entryPath = (folder: string, version: number): string =>
  join(logFolder(folder), `${padded(version)}.json`);

export const checkpointPath = (folder: string, version: number): string =>
  join(logFolder(folder), `${padded(version)}.checkpoint.parquet`);

export const lastCheckpointPath = (folder: string): string => join(logFolder(folder), '_last_checkpoint');

/** A file being written: hidden from every reader of Delta tables by its first character. */
export const draftPath = (directory: string, id: string): string => join(directory, `.${id}.draft`);

export const isDraft = (name: string): boolean => name.startsWith('.') && name.endsWith('.draft');

export interface LogListing {
  /** Versions, ascending. */
  readonly entries: readonly number[];
  readonly checkpoints: readonly number[];
  /** Paths of checkpoints in several parts, or of the second version, by version. */
  readonly otherCheckpoints: readonly string[];
}

export async function listLog(folder: string): Promise<LogListing> {
  const names = await namesIn(logFolder(folder));
  return {
    entries: versionsOf(names, /^(\d{20})\.json$/),
    checkpoints: versionsOf(names, /^(\d{20})\.checkpoint\.parquet$/),
    otherCheckpoints: names
      .filter((name) => /^\d{20}\.checkpoint\..+\.(parquet|json)$/.test(name))
      .sort()
      .map((name) => join(logFolder(folder), name)),
  };
}

const versionsOf = (names: readonly string[], pattern: RegExp): number[] =>
  names
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);

/** The log is not where its user left it: it was cleaned up past that version, or the table is another one now. */
export class LogMovedOn extends Error {
  readonly code = 'log-moved-on';
  constructor(
    readonly folder: string,
    readonly version: number,
    options?: ErrorOptions,
  ) {
    super(`Version ${version} of ${folder} is not in the log any more; load the newest snapshot.`, options);
    this.name = 'LogMovedOn';
  }
}

/**
 * Synchronous, because readers ask a hundred times a second: 1 µs on a file system, a fiftieth of a promise's round trip.
 * Unlike existsSync it takes an I/O error for no absence.
 */
export const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/**
 * Whether a version was cleaned up. A log is cleaned from its oldest version on, so where a version is still there, all
 * newer ones are.
 */
export const isGone = (folder: string, version: number): boolean =>
  version >= 0 && !isThere(entryPath(folder, version)) && !isThere(checkpointPath(folder, version));
