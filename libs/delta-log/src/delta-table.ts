import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Action } from './action.js';
import { commit, Fenced, readCommit } from './commit.js';
import { syncDirectory } from './durable-file.js';
import { loadSnapshot } from './load-snapshot.js';
import { logFolder } from './log-folder.js';
import { refuseUnreadable, type Snapshot, UnsupportedTable } from './snapshot.js';

const attempts = 3;

export class NoSuchTable extends Error {
  readonly code = 'no-such-table';
  constructor(readonly folder: string) {
    super(`${folder} holds no Delta table.`);
    this.name = 'NoSuchTable';
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
    if (snapshot.protocol.minWriterVersion > 2) throw new UnsupportedTable('writing', snapshot.protocol);
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
  commit(actions: readonly Action[], operation = 'WRITE'): Promise<number> {
    const committed = this.#last.then(() => this.#commitNext(actions, operation));
    this.#last = committed.catch(() => {});
    return committed;
  }

  async #commitNext(actions: readonly Action[], operation: string): Promise<number> {
    if (this.#failure) throw this.#failure;
    const version = this.snapshot.version + 1;
    refuseUnreadable(version, actions);
    const info = { timestamp: Date.now(), operation, operationParameters: {} };
    await this.#write(version, [{ commitInfo: info }, ...actions]);
    this.snapshot.advance(version, actions);
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
