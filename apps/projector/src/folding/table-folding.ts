import type { DuckDBConnection } from '@duckdb/node-api';
import { interruptOn } from '../interrupt-on.js';
import { fold, type Folded } from './fold.js';
import type { Changelog } from './fold-files.js';
import type { VersionStore } from './version-store.js';

/** A table's fold failed, no other's. It is tried again for ever; until then the table's changes wait in the changelog. */
export class FoldFailed extends Error {
  readonly code = 'fold-failed';
  constructor(
    readonly table: string,
    cause: Error,
  ) {
    super(`The changes of ${table} cannot be folded; this is tried again: ${cause.message}`, { cause });
    this.name = 'FoldFailed';
  }
}

/** Somebody called off the fold that they had asked for. Nothing of it is in the table. */
export class FoldBrokenOff extends Error {
  readonly code = 'fold-broken-off';
  constructor(readonly table: string) {
    super(`The fold of ${table} was called off; its changes wait for the next one.`);
    this.name = 'FoldBrokenOff';
  }
}

/** Failures in a row after which a table holds nobody back any more: it may never fold again. */
const patience = 3;

export interface TableFoldingOptions {
  /** Milliseconds. */
  readonly pauseAfterFailure: number;
  /** Open rows of one file, about. */
  readonly rowsPerFile?: number | undefined;
}

/** One table's folds: one at a time, none while the table's files are somebody else's, none soon after a failure. */
export class TableFolding {
  private last: Promise<unknown> = Promise.resolve();
  private failures: FoldFailed[] = [];
  private restsUntil = 0;

  /** `duckdb` is the folds' alone. */
  constructor(
    private readonly store: VersionStore,
    private readonly changelog: Changelog,
    private readonly duckdb: DuckDBConnection,
    private readonly options: TableFoldingOptions,
  ) {}

  get table(): string {
    return this.store.table.table;
  }

  get position(): number {
    return this.store.foldPosition;
  }

  get openRows(): number {
    return this.store.openRows;
  }

  get drifted(): boolean {
    return this.store.drifted;
  }

  /** Why the table is not folded, until it is. */
  get failure(): FoldFailed | null {
    return this.failures.at(-1) ?? null;
  }

  get isGivenUp(): boolean {
    return this.failures.length >= patience;
  }

  /** Milliseconds that are left of the pause after a failure. */
  get rest(): number {
    return Math.max(0, this.restsUntil - performance.now());
  }

  isBehind(position: number): boolean {
    return !this.drifted && this.position < position;
  }

  /** null where somebody else brought the table there meanwhile. @throws FoldFailed, FoldBrokenOff */
  foldTo(position: number, signal?: AbortSignal): Promise<Folded | null> {
    return this.exclusively(async () => {
      if (!this.isBehind(position)) return null;
      const [{ duckdb }, { rowsPerFile }] = [this, this.options];
      if (signal?.aborted) throw new FoldBrokenOff(this.table);
      const done = signal && interruptOn(signal, duckdb);
      try {
        const folded = await fold(this.store, this.changelog, position, { duckdb, rowsPerFile });
        this.failures = [];
        return folded;
      } catch (error) {
        if (signal?.aborted && isInterrupt(error as Error)) throw new FoldBrokenOff(this.table);
        const failure = new FoldFailed(this.table, error as Error);
        this.failures = [...this.failures.slice(1 - patience), failure];
        this.restsUntil = performance.now() + this.options.pauseAfterFailure;
        throw failure;
      } finally {
        done?.();
      }
    });
  }

  /** Does `work` when no fold of the table is under way, and lets none begin before it is done. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => {});
    return done;
  }
}

/** DuckDB has no code for it. */
const isInterrupt = ({ message }: Error): boolean => message.startsWith('INTERRUPT Error');
