/** Queries of one reading transaction, ended at their deadline, and told from what else fails by what it means. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { readRows } from './duckdb-value.js';
import {
  FileMissing,
  isInterrupted,
  isOutOfMemory,
  isUnreadableFile,
  MemoryLimitReached,
  QueryTimedOut,
} from './lake-unavailable.js';
import type { SqlValue } from './reader.js';

/** Milliseconds between two interruptions: DuckDB forgets one that comes between two statements, or before one has begun. */
const again = 50;

/** Begins when it is made, so that the wait for a connection counts. */
export class Deadline {
  private readonly end: number;

  constructor(readonly seconds: number) {
    this.end = performance.now() + seconds * 1000;
  }

  get left(): number {
    return this.end - performance.now();
  }
}

export class QueryRunner {
  constructor(
    private readonly connection: DuckDBConnection,
    private readonly deadline: Deadline,
    private readonly fileFailed: (error: Error) => void,
  ) {}

  /** Of statements that fail, or are ended, nothing is left on the connection. */
  async inTransaction<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.run((connection) => connection.run('BEGIN TRANSACTION READ ONLY'));
      return await work();
    } finally {
      await this.connection.run('ROLLBACK').catch(() => {}); // what the work failed with is the error to tell
    }
  }

  rows(sql: string, parameters: readonly SqlValue[]): Promise<Record<string, SqlValue>[]> {
    return this.run((connection) => readRows(connection, sql, parameters));
  }

  /** @throws QueryTimedOut, FileMissing, MemoryLimitReached, and what else the work fails with */
  async run<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const { left, seconds } = this.deadline;
    if (left <= 0) throw new QueryTimedOut(seconds);
    let repeated: NodeJS.Timeout | undefined;
    const interrupt = () => this.connection.interrupt();
    const timer = setTimeout(() => (repeated = setInterval(interrupt, again)) && interrupt(), left);
    try {
      return await work(this.connection);
    } catch (error) {
      throw this.meant(error);
    } finally {
      clearTimeout(timer);
      clearInterval(repeated);
    }
  }

  private meant(error: unknown): unknown {
    if (isInterrupted(error)) return new QueryTimedOut(this.deadline.seconds);
    if (isOutOfMemory(error)) return new MemoryLimitReached('The answer', { cause: error });
    if (!isUnreadableFile(error)) return error;
    this.fileFailed(error as Error);
    return new FileMissing('', { cause: error });
  }
}
