/** The rebuilds of one projection: one at a time, each with a DuckDB of its own that may not take all memory. */
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { DeltaTable } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import type { FoldSchedule } from '../../folding/fold-schedule.js';
import type { VersionStore } from '../../folding/version-store.js';
import type { TellProgress } from '../operation.js';
import { usualMemory } from './rebuild-memory.js';
import { Rebuild, type RebuildReport } from './rebuild.js';
import { dropOtherGenerations } from './swap.js';

export class ProjectionEnded extends Error {
  readonly code = 'projection-ended';
  constructor(readonly table: string) {
    super(`The projection ended before ${table} was rebuilt; the table is as it was. Ask for it again.`);
    this.name = 'ProjectionEnded';
  }
}

export interface RebuilderOptions {
  /** Where DuckDB puts what exceeds its memory. */
  readonly spoolFolder: string;
  /** A commit of the table failed in a way that only opening it again resolves. */
  readonly failed: (error: Error) => void;
  /** What is left of an old quarantine could not be removed; the next start tries again. */
  readonly tidyFailed: (error: Error) => void;
  /** Milliseconds that the old quarantine stays, for readers that read the versions' log before the swap. */
  readonly grace?: number;
  /** Changes that are folded at once. */
  readonly chunk?: number;
}

/** All cores of a small machine: a rebuild is rare, and what it is for waits until it is done. */
const threads = Math.min(4, availableParallelism());

export class Rebuilder {
  private last: Promise<unknown> = Promise.resolve();
  private readonly stopping = new AbortController();
  private readonly tidying = new Set<NodeJS.Timeout>();

  constructor(
    private readonly stores: readonly VersionStore[],
    private readonly changelog: DeltaTable,
    private readonly folding: FoldSchedule,
    private readonly options: RebuilderOptions,
  ) {}

  get isStopped(): boolean {
    return this.stopping.signal.aborted;
  }

  get tables(): string[] {
    return this.stores.map(({ table }) => table.table);
  }

  /** Tables that another catalog entry made. */
  get drifted(): string[] {
    return this.stores.filter(({ drifted }) => drifted).map(({ table }) => table.table);
  }

  /** Waits for the rebuilds before it. `table`: one of `tables`. @throws ProjectionEnded */
  rebuild(table: string, progress: TellProgress, signal: AbortSignal): Promise<RebuildReport> {
    const store = this.stores.find((one) => one.table.table === table)!;
    const either = AbortSignal.any([signal, this.stopping.signal]);
    return this.inTurn(async () => {
      try {
        either.throwIfAborted();
        return await this.run(store, progress, either);
      } catch (error) {
        if (store.versions.failure ?? store.quarantine.failure) this.options.failed(error as Error);
        if (this.isStopped && !signal.aborted) throw new ProjectionEnded(table);
        throw error;
      } finally {
        this.tidyLater(store);
      }
    });
  }

  /** Removes what crashed rebuilds left. Only for the owner of the source: it commits. */
  async tidy(): Promise<void> {
    for (const store of this.stores) await this.inTurn(() => this.dropOld(store));
  }

  /** Resolves when none is under way, and none will begin. */
  async stop(): Promise<void> {
    this.stopping.abort();
    for (const timer of this.tidying) clearTimeout(timer);
    await this.last;
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => {});
    return done;
  }

  private async run(store: VersionStore, progress: TellProgress, signal: AbortSignal): Promise<RebuildReport> {
    const temporaryFolder = join(this.options.spoolFolder, `rebuild-${store.table.table}`);
    await rm(temporaryFolder, { recursive: true, force: true }); // of a rebuild that was killed
    await mkdir(temporaryFolder, { recursive: true });
    const instance = await openDuckDb({ threads, memoryLimit: `${usualMemory}MB`, temporaryFolder });
    const duckdb = await instance.connect();
    await duckdb.run('SET preserve_insertion_order = false'); // else rows keep their order, and with it their memory
    try {
      const { changelog, folding } = this;
      return await new Rebuild({ store, changelog, folding }, duckdb, this.options.chunk).run(progress, signal);
    } finally {
      duckdb.closeSync();
      instance.closeSync();
      await rm(temporaryFolder, { recursive: true, force: true });
    }
  }

  private tidyLater(store: VersionStore): void {
    const timer = setTimeout(() => {
      this.tidying.delete(timer);
      void this.inTurn(() => this.dropOld(store));
    }, this.options.grace ?? 10_000);
    this.tidying.add(timer);
  }

  private async dropOld(store: VersionStore): Promise<void> {
    if (this.isStopped) return;
    await this.folding
      .exclusively(store.table.table, () => dropOtherGenerations(store))
      .catch((error: unknown) => this.options.tidyFailed(error as Error));
  }
}
