import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { processFolder } from '#libs/running-process';

/** Much of it is for sorting: what does not fit is spilled to disk. */
const memoryLimit = '256MB';

class MergingStopped extends Error {
  readonly code = 'merging-stopped';
  constructor() {
    super('The projector is stopping: no merge begins any more.');
    this.name = 'MergingStopped';
  }
}

/** A DuckDB for each merge alone, on one thread and within a bound of memory, so that whatever else runs has the rest. */
export class MergeEngine {
  private connection: DuckDBConnection | null = null;
  private stopped = false;

  get isStopped(): boolean {
    return this.stopped;
  }

  /** `folder` may hold what exceeds the memory while a merge lasts. */
  constructor(private readonly folder: string) {}

  async use<T>(work: (duckdb: DuckDBConnection) => Promise<T>): Promise<T> {
    const folder = await processFolder(this.folder, 'merge');
    try {
      return await this.useIn(join(folder, 'spill'), work);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  private async useIn<T>(temporaryFolder: string, work: (duckdb: DuckDBConnection) => Promise<T>): Promise<T> {
    const duckdb = await openDuckDb({ threads: 1, memoryLimit, temporaryFolder });
    try {
      this.connection = await duckdb.connect();
      if (this.stopped) throw new MergingStopped();
      return await work(this.connection);
    } finally {
      this.connection?.closeSync();
      this.connection = null;
      duckdb.closeSync();
    }
  }

  /**
   * Breaks off what runs: a merge may take long, and what it has not committed is nothing. Again and again, because an
   * interrupt between two statements is lost.
   */
  stop(): void {
    this.stopped = true;
    if (!this.connection) return;
    this.connection.interrupt();
    setTimeout(() => this.stop(), 50);
  }
}
