/**
 * When to fold: a fold rewrites the open rows, so it waits until it is worth that, but no change waits for ever. Folding
 * that falls several budgets behind holds the source back, because readers keep what is not folded in memory.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DeltaTable } from '#libs/delta-log';
import type { Tip } from '../append/tip.js';
import { fold, type Folded } from './fold.js';
import { foldPosition, openRows, type VersionStore } from './version-store.js';

export interface FoldOptions {
  /** Changes that are worth a fold, and the share of the open rows that is. */
  readonly minimumChanges: number;
  readonly shareOfOpenRows: number;
  /** Milliseconds that a change may wait. */
  readonly maximumAge: number;
  /** How many budgets folding may be behind before the source is held back. */
  readonly maximumBacklog: number;
  readonly folded: (folded: Folded) => void;
  /** A table's fold failed, no other's; the next attempt comes a few seconds later. */
  readonly failed: (error: Error) => void;
  /** Milliseconds between a failed fold and the next attempt. */
  readonly pauseAfterFailure?: number;
}

export class FoldSchedule {
  private tip: number;
  private running: Promise<void> | null = null;
  /** Something asks for a fold at once that the running one, if any, does not satisfy. */
  private due = false;
  private timer: NodeJS.Timeout | null = null;
  private readonly stopping = new AbortController();
  private waiting: (() => void)[] = [];

  /** `duckdb` is the folds' alone. */
  constructor(
    private readonly stores: readonly VersionStore[],
    private readonly changelog: DeltaTable,
    private readonly duckdb: DuckDBConnection,
    private readonly options: FoldOptions,
  ) {
    this.tip = this.folded;
  }

  /** Position up to which every table is folded. */
  get folded(): number {
    return Math.min(...this.stores.map(foldPosition));
  }

  appended({ tip, snapshot }: { tip: Pick<Tip, 'position'>; snapshot: boolean }): void {
    this.tip = tip.position;
    if (this.stopped) return;
    this.due ||= snapshot;
    if (this.due || this.backlog >= this.budget) this.start();
    else if (this.backlog > 0) this.timer ??= setTimeout(() => this.start(), this.options.maximumAge);
  }

  /** Resolves when the source may send on. */
  async room(): Promise<void> {
    while (!this.stopped && this.backlog > this.options.maximumBacklog * this.budget) {
      this.start();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Resolves when no fold is under way, and none will begin. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.release();
    if (this.timer) clearTimeout(this.timer);
    await this.running;
  }

  private get stopped(): boolean {
    return this.stopping.signal.aborted;
  }

  private get backlog(): number {
    return this.tip - this.folded;
  }

  private get budget(): number {
    const open = this.stores.reduce((sum, store) => sum + openRows(store), 0);
    return Math.max(this.options.minimumChanges, open * this.options.shareOfOpenRows);
  }

  private start(): void {
    if (this.stopped) return;
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    this.running ??= this.foldAll().finally(() => {
      this.running = null;
      this.release();
      if (this.backlog <= 0) this.due = false;
      if (this.stopped || this.backlog <= 0) return;
      const wait = this.due || this.backlog >= this.budget ? 0 : this.options.maximumAge;
      this.timer ??= setTimeout(() => this.start(), wait);
    });
  }

  /** A table that cannot be folded holds no other one up. */
  private async foldAll(): Promise<void> {
    const position = this.tip;
    this.due = false;
    const failures: Error[] = [];
    for (const store of this.stores) {
      if (this.stopped || foldPosition(store) >= position) continue;
      try {
        this.options.folded(await fold(store, this.changelog, position, this.duckdb));
      } catch (error) {
        failures.push(error as Error);
      }
    }
    if (failures.length > 0) await this.recover(failures);
  }

  private async recover(failures: readonly Error[]): Promise<void> {
    this.due = true;
    for (const error of failures) this.options.failed(error);
    const pause = this.options.pauseAfterFailure ?? 5_000;
    await sleep(pause, undefined, { signal: this.stopping.signal }).catch(() => {});
  }

  private release(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
