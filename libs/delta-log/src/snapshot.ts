import type { Action, AddFile, Metadata, Protocol, RemoveFile } from './action.js';

/** The table asks for more than reader version 1 (`reading`) or writer version 2 (`writing`). */
export class UnsupportedTable extends Error {
  readonly code = 'unsupported-table';
  constructor(
    readonly access: 'reading' | 'writing',
    readonly protocol: Protocol,
  ) {
    const { minReaderVersion, minWriterVersion } = protocol;
    super(`${access} the table needs protocol ${minReaderVersion}/${minWriterVersion}; wanted at most 1/2.`);
    this.name = 'UnsupportedTable';
  }
}

/** Actions that cannot follow a snapshot's version. */
export class OutOfSequence extends Error {
  readonly code = 'out-of-sequence';
  constructor(
    readonly version: number,
    problem: string,
  ) {
    super(`Version ${version} cannot be applied: ${problem}.`);
    this.name = 'OutOfSequence';
  }
}

/**
 * State of a table at a version: the log replayed (Delta protocol, "Action Reconciliation"). Changes in place, because a
 * copy a commit would cost as much as the table has files.
 */
export class Snapshot {
  #version: number;
  #protocol: Protocol;
  #metadata: Metadata;
  readonly #files = new Map<string, AddFile>();
  readonly #tombstones = new Map<string, RemoveFile>();
  readonly #transactions = new Map<string, number>();

  /** From a whole state: the actions of version 0, or of a checkpoint. */
  constructor(version: number, actions: readonly Action[]) {
    refuseUnreadable(version, actions);
    const protocol = actions.find((action) => 'protocol' in action)?.protocol;
    const metadata = actions.find((action) => 'metaData' in action)?.metaData;
    if (!protocol || !metadata) throw new OutOfSequence(version, 'it begins a table without protocol and metaData');
    this.#version = version;
    this.#protocol = protocol;
    this.#metadata = metadata;
    this.#apply(actions);
  }

  get version(): number {
    return this.#version;
  }
  get protocol(): Protocol {
    return this.#protocol;
  }
  get metadata(): Metadata {
    return this.#metadata;
  }
  /** By path. */
  get files(): ReadonlyMap<string, AddFile> {
    return this.#files;
  }
  /** By path: removed files that readers of older versions may still use. */
  get tombstones(): ReadonlyMap<string, RemoveFile> {
    return this.#tombstones;
  }
  /** By appId. */
  get transactions(): ReadonlyMap<string, number> {
    return this.#transactions;
  }

  /**
   * The next version, in place. Refused actions change nothing.
   * @throws OutOfSequence if `version` is not the next; UnsupportedTable if its protocol is not read here.
   */
  advance(version: number, actions: readonly Action[]): void {
    if (version !== this.#version + 1) throw new OutOfSequence(version, `the snapshot is at version ${this.#version}`);
    refuseUnreadable(version, actions);
    this.#version = version;
    this.#apply(actions);
  }

  /**
   * Forgets tombstones from before a time (milliseconds since 1970), which would otherwise grow for ever. Cheap at every
   * commit: they stand in the order of the log, so this ends at the first that stays.
   */
  expireTombstones(before: number): void {
    for (const [path, { deletionTimestamp }] of this.#tombstones) {
      if (deletionTimestamp >= before) return;
      this.#tombstones.delete(path);
    }
  }

  #apply(actions: readonly Action[]): void {
    for (const action of actions) {
      if ('add' in action) {
        this.#tombstones.delete(action.add.path);
        this.#files.set(action.add.path, action.add);
      } else if ('remove' in action) {
        this.#files.delete(action.remove.path);
        this.#tombstones.set(action.remove.path, action.remove);
      } else if ('txn' in action) this.#transactions.set(action.txn.appId, action.txn.version);
      else if ('metaData' in action) this.#metadata = action.metaData;
      else if ('protocol' in action) this.#protocol = action.protocol;
    }
  }
}

/** @throws UnsupportedTable, OutOfSequence: what no snapshot takes must not be committed either. */
export function refuseUnreadable(version: number, actions: readonly Action[]): void {
  for (const action of actions) {
    if ('protocol' in action && action.protocol.minReaderVersion > 1)
      throw new UnsupportedTable('reading', action.protocol);
    if ('txn' in action && !Number.isSafeInteger(action.txn.version))
      throw new OutOfSequence(
        version,
        `txn ${action.txn.appId} is ${action.txn.version}; wanted an integer below 2^53`,
      );
  }
}
