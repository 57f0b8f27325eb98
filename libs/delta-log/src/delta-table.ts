import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type Action, type AddFile, removalOf } from './action.js';
import { commit, Fenced, readCommit } from './commit.js';
import { wasCommitted } from './data-file.js';
import { syncDirectory } from './durable-file.js';
import { loadSnapshot } from './load-snapshot.js';
import { logFolder } from './log-folder.js';
import { refuseUnreadable, type Snapshot, UnsupportedTable } from './snapshot.js';
import { recordsOf } from './statistics.js';

const attempts = 3;

export class NoSuchTable extends Error {
  readonly code = 'no-such-table';
  constructor(readonly folder: string) {
    super(`${folder} holds no Delta table.`);
    this.name = 'NoSuchTable';
  }
}

/** Files that should take the place of others do not hold the same number of rows. */
export class RowsLost extends Error {
  readonly code = 'rows-lost';
  constructor(
    readonly folder: string,
    readonly before: number,
    readonly after: number,
  ) {
    super(`${before} rows of ${folder} would become ${after}; the files that hold them stay as they are.`);
    this.name = 'RowsLost';
  }
}

/**
 * A table as its only writer sees it: commits go one at a time, in the order of their calls, each on top of the last.
 * Whoever appends, merges and folds one table in a process shares one of these.
 */
export class DeltaTable {
  #last: Promise<unknown> = Promise.resolve();
  /** This writer was fenced, or does not know how its last commit ended: it must not write again. */
  #failure: Error | undefined;

  private constructor(
    readonly folder: string,
    /** Of the last commit; changes in place. */
    readonly snapshot: Snapshot,
  ) {}

  /**
   * What the snapshot shows is durable when it resolves.
   * @throws NoSuchTable, UnsupportedTable, and what `loadSnapshot` throws.
   */
  static async open(folder: string, duckdb: DuckDBConnection): Promise<DeltaTable> {
    const snapshot = await loadSnapshot(folder, duckdb);
    if (!snapshot) throw new NoSuchTable(folder);
    if (snapshot.protocol.minWriterVersion > 2)
      throw new UnsupportedTable('writing', snapshot.metadata.name, snapshot.protocol);
    await syncDirectory(logFolder(folder)); // a writer that crashed after its link(2) may not have
    return new DeltaTable(folder, snapshot);
  }

  /** What every commit fails with from now on, until the table is opened again. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /**
   * Resolves with the version when it is durable. `operation` is what `DESCRIBE HISTORY` shows.
   * @throws Fenced, and from then on at every call. Any other error means that nothing was committed, unless it repeats
   * at every call: then how the commit ended is unknown, and only opening the table again will tell.
   */
  async commit(actions: readonly Action[], operation = 'WRITE'): Promise<number> {
    return (await this.commitOnto(() => actions, operation))!;
  }

  /**
   * The same for actions that depend on what the table is when their turn comes: `decide` is given the snapshot that the
   * commit goes on top of. null: it decided for none, and nothing was committed. What it throws is this call's error.
   */
  commitOnto(decide: (snapshot: Snapshot) => readonly Action[] | null, operation = 'WRITE'): Promise<number | null> {
    return this.#inTurn(() => this.#commitNext(decide, operation));
  }

  /**
   * Puts files in the place of others, for the same rows: readers of new rows pass over both. null: nothing was committed,
   * because one of the old files is not in the table any more when the turn comes, so the new ones hold rows that are not.
   * @throws RowsLost if statistics tell of another number of rows; nothing is committed.
   */
  async replaceFiles(old: readonly AddFile[], files: readonly AddFile[], now = Date.now()): Promise<number | null> {
    const [before, after] = [old, files].map((some) => some.reduce((sum, file) => sum + recordsOf(file), 0));
    if (before !== after) throw new RowsLost(this.folder, before!, after!);
    const actions = [
      ...old.map((file) => ({ remove: removalOf(file, { now, dataChange: false }) })),
      ...files.map((add) => ({ add: { ...add, dataChange: false } })),
    ];
    const isWhole = ({ files: current }: Snapshot) => old.every(({ path }) => current.has(path));
    return this.commitOnto((snapshot) => (isWhole(snapshot) ? actions : null), 'OPTIMIZE');
  }

  /** @throws Fenced if another writer has committed since this one did. */
  refuseReplaced(): Promise<void> {
    return this.#inTurn(async () => {
      const version = this.snapshot.version + 1;
      if (await readCommit(this.folder, version)) throw (this.#failure ??= new Fenced(this.folder, version));
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #commitNext(
    decide: (snapshot: Snapshot) => readonly Action[] | null,
    operation: string,
  ): Promise<number | null> {
    if (this.#failure) throw this.#failure;
    const version = this.snapshot.version + 1;
    const actions = decide(this.snapshot);
    if (!actions) return null;
    refuseUnreadable(version, actions, this.snapshot.metadata.name);
    const info = { timestamp: Date.now(), operation, operationParameters: {} };
    await this.#write(version, [{ commitInfo: info }, ...actions]);
    this.snapshot.advance(version, actions);
    for (const action of actions) if ('add' in action) wasCommitted(join(this.folder, action.add.path));
    return version;
  }

  /** `commit` finds its own entry of an earlier try by the id, so that trying again after an unclear answer is safe. */
  async #write(version: number, actions: readonly Action[]): Promise<void> {
    const commitId = randomUUID();
    for (let attempt = 1; ; attempt++) {
      try {
        return await commit(this.folder, version, commitId, actions);
      } catch (error) {
        if (error instanceof Fenced) this.#failure = error;
        else if (error instanceof RangeError) throw error;
        else if (attempt < attempts) {
          await setTimeout(50 * attempt);
          continue;
        } else if (!(await this.#isAbsent(version))) this.#failure = error as Error;
        throw error;
      }
    }
  }

  async #isAbsent(version: number): Promise<boolean> {
    try {
      return (await readCommit(this.folder, version)) === null;
    } catch {
      return false;
    }
  }
}
