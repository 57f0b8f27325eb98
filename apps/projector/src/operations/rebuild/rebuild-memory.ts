import { totalmem } from 'node:os';
import type { DuckDBConnection } from '@duckdb/node-api';

/** Megabytes that a rebuild's DuckDB may use as long as its work fits. */
export const usualMemory = 448;

/**
 * Most of DuckDB's work spills to disk, not all of it, and a transaction is folded at once however large it is. So work
 * that does not fit is done again with twice the memory, up to half of the machine's.
 */
export class RebuildMemory {
  constructor(
    private readonly duckdb: Pick<DuckDBConnection, 'run'>,
    private megabytes = usualMemory,
    private readonly most = totalmem() / 2 ** 21,
  ) {}

  /** `work` must leave nothing that is in the way of doing it again. */
  async fit<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isOutOfMemory(error) || this.megabytes * 2 > this.most) throw error;
        this.megabytes *= 2;
        await this.duckdb.run(`SET memory_limit = '${this.megabytes}MB'`);
      }
    }
  }
}

const isOutOfMemory = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith('Out of Memory Error');
