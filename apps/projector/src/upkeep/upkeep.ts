/**
 * Keeps the lake fit while it grows: small files are merged, logs have checkpoints and an end, and what no version needs
 * is deleted. One table after the other, one step at a time, beside appends and folds, which wait for none of it but the
 * commit. Whatever breaks off, by a crash or a failure, is done the next time; nothing is committed where nothing changes.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { MergeEngine } from './merge-engine.js';
import { TableUpkeep, type Cadence, type KeptTable } from './table-upkeep.js';

export interface UpkeepOptions {
  readonly cadence: Cadence;
  /** A folder for what a merge cannot hold in memory. */
  readonly temporaryFolder: string;
  /** One table's upkeep failed, and is tried again; nothing else depends on it. */
  readonly failed: (error: Error) => void;
  /** Milliseconds between two looks at what is due. */
  readonly look?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class Upkeep {
  private readonly tables: readonly TableUpkeep[];
  private readonly engine: MergeEngine;
  private readonly now: () => number;
  private readonly timer: NodeJS.Timeout;
  private running: Promise<void> | null = null;
  private stopped = false;

  /** `duckdb` is used by others as well: what needs it here is short. */
  constructor(
    tables: readonly KeptTable[],
    private readonly duckdb: DuckDBConnection,
    private readonly options: UpkeepOptions,
  ) {
    this.now = options.now ?? Date.now;
    this.engine = new MergeEngine(options.temporaryFolder);
    this.tables = tables.map((kept) => new TableUpkeep(kept, options.cadence, this.now()));
    this.timer = setInterval(() => void this.keep(), options.look ?? 5_000);
  }

  /** Resolves when what is due now is done, or failed and was told. */
  keep(): Promise<void> {
    return (this.running ??= this.keepAll().finally(() => (this.running = null)));
  }

  /** Resolves when nothing is under way, and nothing will begin. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    this.engine.stop();
    await this.running;
  }

  private async keepAll(): Promise<void> {
    for (const table of this.tables) {
      if (this.stopped) return;
      try {
        await table.keep(this.now(), this.duckdb, this.engine);
      } catch (error) {
        if (this.stopped) return; // it was broken off
        table.pauseFrom(this.now());
        this.options.failed(error as Error);
      }
    }
  }
}
