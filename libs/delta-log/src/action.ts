/**
 * The actions of the Delta protocol ("Actions") that a table of reader version 1 and writer version 2 has, and their
 * text: one JSON object a line.
 */

export interface Protocol {
  minReaderVersion: number;
  minWriterVersion: number;
  /** Of tables that are not read here. */
  readerFeatures?: string[];
  writerFeatures?: string[];
}

export interface Metadata {
  id: string;
  name?: string;
  /** A struct in the protocol's schema serialization, as JSON text. */
  schemaString: string;
  partitionColumns: string[];
  configuration: Record<string, string>;
  format: { provider: 'parquet'; options: Record<string, never> };
  /** Milliseconds since 1970. */
  createdTime?: number;
}

export interface AddFile {
  /** Relative to the table's folder, percent-encoded. */
  path: string;
  /** A column's value in the protocol's partition value serialization; null for NULL. */
  partitionValues: Record<string, string | null>;
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970. */
  modificationTime: number;
  /** False: the rows were in the table already, in files that the same commit removes. */
  dataChange: boolean;
  /** JSON text, see `statsOf`. */
  stats?: string;
  tags?: Record<string, string>;
  /** Of files that are not read here. */
  deletionVector?: object;
}

export interface RemoveFile {
  path: string;
  /** Milliseconds since 1970; readers of older versions may use the file for the table's retention after it. */
  deletionTimestamp: number;
  dataChange: boolean;
  /** True: partitionValues and size are given. */
  extendedFileMetadata?: boolean;
  partitionValues?: Record<string, string | null>;
  size?: number;
  deletionVector?: object;
}

/** `now`: milliseconds since 1970. `dataChange` false: the same commit adds the file's rows in other files. */
export const removalOf = (
  { path, partitionValues, size }: AddFile,
  { now, dataChange = true }: { readonly now: number; readonly dataChange?: boolean },
): RemoveFile => ({
  ...{ path, deletionTimestamp: now, dataChange },
  ...{ extendedFileMetadata: true, partitionValues, size },
});

/** The application's own progress, committed together with its data. */
export interface SetTransaction {
  appId: string;
  version: number;
  /** Milliseconds since 1970. */
  lastUpdated?: number;
}

export type Action =
  | { protocol: Protocol }
  | { metaData: Metadata }
  | { add: AddFile }
  | { remove: RemoveFile }
  | { txn: SetTransaction }
  | { commitInfo: Record<string, unknown> };

/** A file of the log that does not say what the protocol has there. Nothing is guessed. */
export class CorruptLog extends Error {
  readonly code = 'corrupt-log';
  constructor(
    readonly file: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file}: ${problem}`, options);
    this.name = 'CorruptLog';
  }
}

/** @throws RangeError for a number of 2^53 or more: it would be another number after the next reading. */
export const encodeActions = (actions: readonly Action[]): string =>
  actions.map((action) => JSON.stringify(action, exact) + '\n').join('');

function exact(name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return exact(name, Number(value));
  if (typeof value === 'number' && !(Math.abs(value) < 2 ** 53))
    throw new RangeError(`${name} is ${value}; wanted a number below 2^53`);
  return value;
}

/** @throws CorruptLog if there is no action, or a line is none. Kinds that are not known are left to whoever knows them. */
export function decodeActions(text: string, file: string): Action[] {
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new CorruptLog(file, 'it holds no action; whoever committed it wrote at least one.');
  return lines.map((line, index) => decodeAction(line, file, index + 1));
}

function decodeAction(line: string, file: string, number: number): Action {
  const refused = (problem: string, options?: ErrorOptions) =>
    new CorruptLog(file, `line ${number} ${problem}: ${line.slice(0, 80)}`, options);
  let action: unknown;
  try {
    action = JSON.parse(line);
  } catch (error) {
    throw refused('is no JSON', { cause: error });
  }
  if (!isObject(action)) throw refused('is no JSON object');
  for (const [kind, fields] of Object.entries(action)) {
    const name = namingField.get(kind);
    // a checkpoint's row says null for every kind that it is not of
    if (name === undefined || (fields === null && Object.values(action).some(isObject))) continue;
    if (!isObject(fields) || (name !== null && typeof fields[name] !== 'string'))
      throw refused(`is no ${kind} of the protocol`);
  }
  return action as unknown as Action;
}

/** Kinds of actions that are used here; and the field, a text, that says of what they are. */
const namingField: ReadonlyMap<string, string | null> = new Map([
  ['add', 'path'],
  ['remove', 'path'],
  ['txn', 'appId'],
  ['metaData', 'schemaString'],
  ['protocol', null],
]);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
