import type { Action, AddFile, Metadata, Protocol, RemoveFile } from './action.js';

/** The table asks for more than reader version 1 (`reading`) or writer version 2 (`writing`). */
export class UnsupportedTable extends Error {
  readonly code = 'unsupported-table';
  constructor(
    readonly access: 'reading' | 'writing',
    readonly table: string | undefined,
    readonly protocol: Protocol,
  ) {
    const { minReaderVersion, minWriterVersion, readerFeatures = [], writerFeatures = [] } = protocol;
    const features = [...new Set([...readerFeatures, ...writerFeatures])].join(', ');
    super(
      `${access} table ${table ?? ''} needs protocol ${minReaderVersion}/${minWriterVersion}${features && ` (${features})`}; ` +
        'wanted at most 1/2. Another program has changed the table: drop the features there, or restore it.',
    );
    this.name = 'UnsupportedTable';
  }
}

/** A file that would be misread: rows of it are deleted elsewhere, or its path means another place than it says. */
export class UnsupportedFile extends Error {
  readonly code = 'unsupported-file';
  constructor(
    readonly table: string | undefined,
    readonly path: string,
    problem: string,
  ) {
    super(`File ${path} of table ${table ?? ''} ${problem}. Another program has written to the table; restore it.`);
    this.name = 'UnsupportedFile';
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
    const protocol = actions.find((action) => 'protocol' in action)?.protocol;
    const metadata = actions.find((action) => 'metaData' in action)?.metaData;
    refuseUnreadable(version, actions, metadata?.name);
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
   * @throws OutOfSequence if `version` is not the next; UnsupportedTable, UnsupportedFile for what is not read here.
   */
  advance(version: number, actions: readonly Action[]): void {
    if (version !== this.#version + 1) throw new OutOfSequence(version, `the snapshot is at version ${this.#version}`);
    refuseUnreadable(version, actions, this.#metadata.name);
    this.#version = version;
    this.#apply(actions);
  }

  /**
   * Forgets tombstones from before a time (milliseconds since 1970), which would otherwise grow for ever. Looks at each:
   * a clock that was ahead for a while leaves some in the way of all that came after it.
   */
  expireTombstones(before: number): void {
    for (const [path, { deletionTimestamp }] of this.#tombstones)
      if (deletionTimestamp < before) this.#tombstones.delete(path);
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

/** @throws UnsupportedTable, UnsupportedFile, OutOfSequence: what no snapshot takes must not be committed either. */
export function refuseUnreadable(version: number, actions: readonly Action[], table: string | undefined): void {
  for (const action of actions) {
    if ('protocol' in action && action.protocol.minReaderVersion > 1)
      throw new UnsupportedTable('reading', table, action.protocol);
    if ('txn' in action && !Number.isSafeInteger(action.txn.version))
      throw new OutOfSequence(
        version,
        `txn ${action.txn.appId} is ${action.txn.version}; wanted an integer below 2^53`,
      );
    if ('add' in action) refuseMisread(action.add, table);
    if ('remove' in action) refuseMisread(action.remove, table);
  }
}

/**
 * A path is a URI relative to the table's folder. Those given here mean the same when they are not decoded, and one is
 * not a second name of another; nothing else is taken for a path.
 */
function refuseMisread(file: AddFile | RemoveFile, table: string | undefined): void {
  if (file.deletionVector) throw new UnsupportedFile(table, file.path, 'has a deletion vector');
  if (/%|:|\\|^\/|(^|\/)\.{0,2}\//.test(file.path))
    throw new UnsupportedFile(table, file.path, 'lies elsewhere than in the table, or under an encoded name');
}
