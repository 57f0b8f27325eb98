/**
 * When to fold: a fold rewrites the open rows, so it waits until it is worth that, but no change waits for ever. Folding
 * that falls several budgets behind holds the source back, because readers keep what is not folded in memory.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DeltaTable } from '#libs/delta-log';
import type { Tip } from '../append/tip.js';
import type { TellProgress } from '../operations/operation.js';
import type { Folded } from './fold.js';
import { FoldBrokenOff, TableFolding, type FoldFailed } from './table-folding.js';
import { UnfoldedBytes } from './unfolded-bytes.js';
import type { VersionStore } from './version-store.js';

export interface FoldOptions {
  /** Changes that are worth a fold, and the share of the open rows that is. */
  readonly minimumChanges: number;
  readonly shareOfOpenRows: number;
  /** Bytes of the changelog that are worth a fold: readers keep what is not folded in memory, and a fold reads it. */
  readonly maximumBytes?: number;
  /** Milliseconds that a change may wait. */
  readonly maximumAge: number;
  /** How many budgets folding may be behind before the source is held back. */
  readonly maximumBacklog: number;
  readonly folded: (folded: Folded) => void;
  /** A table's fold failed, no other's; the next attempt comes a few seconds later. */
  readonly failed: (error: FoldFailed) => void;
  /** Milliseconds between a failed fold and the table's next attempt. */
  readonly pauseAfterFailure?: number;
  /** Open rows of one file, about; tests have few. */
  readonly rowsPerFile?: number | undefined;
}

/** A fold that somebody waits for. */
export interface Hurry {
  /** Ends it: what is being computed is broken off, and no other table begun. */
  readonly signal?: AbortSignal;
  /** Changes that are folded, of so many; once for each table that has to pass over or take them. */
  readonly progress?: TellProgress;
}

/** How far a table is folded, whether another catalog made it, why it is not folded. */
export type FoldStatus = Pick<TableFolding, 'table' | 'position' | 'drifted' | 'failure'>;

export class FoldingEnded extends Error {
  readonly code = 'folding-ended';
  constructor(readonly position: number) {
    super(`The projection ended before everything was folded up to ${position}; its next life goes on with that.`);
    this.name = 'FoldingEnded';
  }
}

export class FoldSchedule {
  private readonly tables: readonly TableFolding[];
  private readonly unfolded: UnfoldedBytes;
  private tip = 0;
  /** Resolves with what failed. */
  private running: Promise<FoldFailed[]> | null = null;
  /** Something asks for a fold at once that the running one, if any, does not satisfy. */
  private due = false;
  private timer: { readonly at: number; readonly handle: NodeJS.Timeout } | null = null;
  private readonly stopping = new AbortController();
  private waiting: (() => void)[] = [];

  /** `duckdb` is the folds' alone. */
  constructor(
    stores: readonly VersionStore[],
    changelog: DeltaTable,
    duckdb: DuckDBConnection,
    private readonly options: FoldOptions,
  ) {
    const { rowsPerFile, pauseAfterFailure = 5_000 } = options;
    this.tables = stores.map((store) => new TableFolding(store, changelog, duckdb, { pauseAfterFailure, rowsPerFile }));
    this.unfolded = new UnfoldedBytes(changelog);
    this.tip = this.folded;
  }

  /** Position up to which every table is folded, but those that another catalog made. */
  get folded(): number {
    return this.oldest(this.tables.filter(({ drifted }) => !drifted));
  }

  /** Why a table is not folded, until it is. */
  get failure(): FoldFailed | null {
    return this.tables.find(({ failure }) => failure)?.failure ?? null;
  }

  get status(): readonly FoldStatus[] {
    return this.tables;
  }

  appended({ tip, snapshot }: { tip: Pick<Tip, 'position'>; snapshot: boolean }): void {
    this.tip = tip.position;
    this.due ||= snapshot;
    this.arm();
  }

  /** Resolves when the source may send on. */
  async room(): Promise<void> {
    while (!this.stopped && this.isFarBehind) {
      this.start();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /**
   * Resolves when everything that was appended before is folded, but in tables that another catalog made.
   * @throws FoldFailed, FoldingEnded, what the signal aborts with
   */
  async foldNow(hurry: Hurry = {}): Promise<void> {
    const [position, { signal, progress }] = [this.tip, hurry];
    const total = this.changesBehind(position);
    const tell = () => progress?.(total - this.changesBehind(position), total);
    tell();
    await this.runningOr(signal); // began before, so its failures are not this one's
    while (this.tables.some((table) => table.isBehind(position))) {
      signal?.throwIfAborted();
      if (this.stopped) throw new FoldingEnded(position);
      this.start({ ...(signal && { signal }), progress: tell });
      const [failure] = (await this.running) ?? [];
      if (failure) throw failure;
    }
    tell();
  }

  /** Resolves when no fold runs that began before, or the signal aborts. */
  private async runningOr(signal: AbortSignal | undefined): Promise<void> {
    const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
    if (!signal?.aborted) await Promise.race([this.running, aborted]);
  }

  private changesBehind(position: number): number {
    const behind = this.tables.filter((table) => table.isBehind(position));
    return behind.reduce((sum, table) => sum + position - table.position, 0);
  }

  /** Does `work` on a source table's versions while no fold touches them. */
  async exclusively<T>(table: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.tables.find((one) => one.table === table)!.exclusively(work);
    } finally {
      this.release();
      this.arm();
    }
  }

  /** Resolves when no fold is under way, and none will begin. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.release();
    this.disarm();
    await this.running;
  }

  private get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private get budget(): number {
    const open = this.tables.reduce((sum, { openRows }) => sum + openRows, 0);
    return Math.max(this.options.minimumChanges, open * this.options.shareOfOpenRows);
  }

  /** A table that can never fold must not hold the source for ever. */
  private get isFarBehind(): boolean {
    const counted = this.tables.filter(({ drifted, isGivenUp }) => !drifted && !isGivenUp);
    return this.budgetsAfter(this.oldest(counted)) > this.options.maximumBacklog;
  }

  /** How many budgets there are beyond a position. */
  private budgetsAfter(position: number): number {
    const bytes = this.unfolded.after(position);
    return Math.max((this.tip - position) / this.budget, bytes / (this.options.maximumBytes ?? 32 << 20));
  }

  private oldest(tables: readonly TableFolding[]): number {
    return tables.length > 0 ? Math.min(...tables.map(({ position }) => position)) : this.tip;
  }

  /** Begins a fold when it is due: at once, or when something has waited long enough. */
  private arm(): void {
    if (this.stopped || this.running) return;
    const wait = this.wait();
    if (wait === 0) return this.start();
    const at = performance.now() + wait;
    if (wait === Infinity || (this.timer && this.timer.at <= at)) return;
    this.disarm();
    this.timer = { at, handle: setTimeout(() => this.start(), wait) };
  }

  private disarm(): void {
    if (this.timer) clearTimeout(this.timer.handle);
    this.timer = null;
  }

  /** Milliseconds until there is a fold to begin. */
  private wait(): number {
    const behind = this.tables.filter((table) => table.isBehind(this.tip));
    const rested = behind.filter(({ rest, failure }) => rest === 0 && !failure);
    const again = behind.filter(({ failure }) => failure).map(({ rest }) => rest);
    const isWorthIt = this.due || this.budgetsAfter(this.oldest(rested)) >= 1;
    const usual = rested.length === 0 ? Infinity : isWorthIt ? 0 : this.options.maximumAge;
    return Math.min(usual, ...again);
  }

  private start(hurry?: Hurry): void {
    if (this.stopped || this.running) return;
    this.disarm();
    const tables = this.tables.filter((table) => table.isBehind(this.tip) && (hurry || table.rest === 0));
    if (tables.length === 0) return this.arm();
    this.running = this.fold(tables, this.tip, hurry).finally(() => {
      this.running = null;
      this.release();
      if (this.folded >= this.tip) this.due = false;
      this.arm();
    });
  }

  /** A table that cannot be folded holds no other one up. */
  private async fold(tables: readonly TableFolding[], position: number, hurry?: Hurry): Promise<FoldFailed[]> {
    this.due = false;
    const failures: FoldFailed[] = [];
    for (const table of tables) {
      if (this.stopped || hurry?.signal?.aborted) break;
      try {
        const folded = await table.foldTo(position, hurry?.signal);
        if (folded) this.options.folded(folded);
        hurry?.progress?.(0, null);
      } catch (error) {
        if (error instanceof FoldBrokenOff) break;
        failures.push(error as FoldFailed);
        this.options.failed(error as FoldFailed);
      }
    }
    return failures;
  }

  private release(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
