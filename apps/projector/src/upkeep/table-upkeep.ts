import type { DuckDBConnection } from '@duckdb/node-api';
import { checkpoint, cleanLog, lastCheckpoint, vacuum, type DeltaTable } from '#libs/delta-log';
import type { Layout } from './layout.js';
import { merge } from './merge.js';
import type { MergeEngine } from './merge-engine.js';

export interface KeptTable {
  readonly table: DeltaTable;
  /** Absent: its files are never many. */
  readonly layout?: Layout;
  /** The table on which a projector that takes the lake over commits first; this one where absent. */
  readonly claimedBy?: DeltaTable;
}

/** Milliseconds, but for `commits`. */
export interface Cadence {
  /** Commits after which a table gets a checkpoint, and the time after which it gets one if there was any. */
  readonly commits: number;
  readonly checkpoints: number;
  /** Time after which few small files are merged, too. */
  readonly merges: number;
  /** Time between two looks for what can be deleted: each lists the table's folder and its log. */
  readonly cleanings: number;
  /** Time between a failure and the next attempt. */
  readonly pause: number;
}

/** What is due for one table. Where nothing was committed, nothing is but deletion. */
export class TableUpkeep {
  /** Version of the newest checkpoint. */
  private checkpointed: number | null = null;
  private pausedFrom: number | null = null;
  private readonly last: Record<'checkpoint' | 'merge' | 'cleaning', number>;

  constructor(
    private readonly kept: KeptTable,
    private readonly cadence: Cadence,
    now: number,
  ) {
    this.last = { checkpoint: now, merge: now, cleaning: now };
  }

  /**
   * `now`: milliseconds since 1970. `duckdb` is for what is short. A file that cannot be merged keeps neither checkpoints
   * nor deletions from their time, or log and disk would grow for as long.
   */
  async keep(now: number, duckdb: DuckDBConnection, engine: MergeEngine): Promise<void> {
    if (this.isPaused(now)) return;
    let failure: unknown;
    await this.merge(now, engine).catch((error: unknown) => (failure = error));
    if (!engine.isStopped) {
      await this.checkpoint(now, duckdb);
      await this.clean(now);
    }
    if (failure) throw failure;
  }

  pauseFrom(now: number): void {
    this.pausedFrom = now;
  }

  private isPaused(now: number): boolean {
    return this.pausedFrom !== null && isWithin(this.cadence.pause, this.pausedFrom, now);
  }

  private async merge(now: number, engine: MergeEngine): Promise<void> {
    const { table, layout } = this.kept;
    const overdue = this.isOver('merge', now, this.cadence.merges);
    for (const files of layout?.outgrown(table.snapshot, overdue) ?? [])
      await engine.use((duckdb) => merge(table, files, layout!, { duckdb, now }));
  }

  private async checkpoint(now: number, duckdb: DuckDBConnection): Promise<void> {
    const { folder, snapshot } = this.kept.table;
    this.checkpointed ??= await lastCheckpoint(folder);
    const { version } = snapshot;
    const commits = version - this.checkpointed;
    const overdue = this.isOver('checkpoint', now, this.cadence.checkpoints);
    if (commits < this.cadence.commits && !(overdue && commits > 0)) return;
    await checkpoint(folder, snapshot, duckdb, now);
    this.checkpointed = version;
  }

  /** Also where nothing changes any more: what changed last comes to its age later. */
  private async clean(now: number): Promise<void> {
    const { folder, snapshot } = this.kept.table;
    if (!this.isOver('cleaning', now, this.cadence.cleanings)) return;
    // a file that this process has not written may be one that the lake's owner is about to commit, if the clock has jumped
    await (this.kept.claimedBy ?? this.kept.table).refuseReplaced();
    await cleanLog(folder, snapshot, { now });
    await vacuum(folder, snapshot, { now });
  }

  private isOver(what: keyof TableUpkeep['last'], now: number, time: number): boolean {
    const over = !isWithin(time, this.last[what], now);
    if (over) this.last[what] = now;
    return over;
  }
}

/** Not where the clock is behind what it was: it may have been a year ahead. */
const isWithin = (time: number, since: number, now: number): boolean => now >= since && now - since < time;
