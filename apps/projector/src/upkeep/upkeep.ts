/** Keeps logs short and folders clean: checkpoints, entries before them, files that no version needs any more. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { checkpoint, cleanLog, vacuum, type DeltaTable } from '#libs/delta-log';

export interface UpkeepOptions {
  /** Commits after which a table gets a checkpoint. */
  readonly commits: number;
  /** Milliseconds after which it gets one if anything was committed. */
  readonly interval: number;
  /** One table's upkeep failed, and is tried again; nothing else depends on it. */
  readonly failed: (error: Error) => void;
  /** Milliseconds between two looks at how many commits there were. */
  readonly look?: number;
}

export class Upkeep {
  private readonly checkpointed = new Map<DeltaTable, number>();
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | null = null;
  private last = performance.now();

  /** `duckdb` is used by others as well: what needs it here is short. */
  constructor(
    private readonly tables: readonly DeltaTable[],
    private readonly duckdb: DuckDBConnection,
    private readonly options: UpkeepOptions,
  ) {
    this.timer = setInterval(() => this.start(), Math.min(options.look ?? 5_000, options.interval));
  }

  /** Resolves when nothing is under way, and nothing will begin. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private start(): void {
    this.running ??= this.keep().finally(() => (this.running = null));
  }

  private async keep(): Promise<void> {
    const overdue = performance.now() - this.last >= this.options.interval;
    if (overdue) this.last = performance.now();
    for (const table of this.tables) {
      const commits = table.snapshot.version - (this.checkpointed.get(table) ?? 0);
      if (commits < this.options.commits && !(overdue && commits > 0)) continue;
      await this.tidy(table).catch(this.options.failed);
    }
  }

  private async tidy(table: DeltaTable): Promise<void> {
    const { folder, snapshot } = table;
    const { version } = snapshot;
    await checkpoint(folder, snapshot, this.duckdb);
    this.checkpointed.set(table, version);
    await cleanLog(folder, snapshot, { now: Date.now() });
    await vacuum(folder, snapshot, { now: Date.now() });
  }
}
