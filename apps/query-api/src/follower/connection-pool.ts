import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** Connections for reading, each used by one at a time: DuckDB queues statements of one connection, transactions too. */
export class ConnectionPool {
  private readonly idle: DuckDBConnection[] = [];
  private readonly waiting: ((connection: DuckDBConnection) => void)[] = [];
  private opened = 0;

  constructor(
    private readonly duckdb: DuckDBInstance,
    private readonly size: number,
  ) {}

  async use<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.take();
    try {
      return await work(connection);
    } finally {
      const next = this.waiting.shift();
      if (next) next(connection);
      else this.idle.push(connection);
    }
  }

  private async take(): Promise<DuckDBConnection> {
    const idle = this.idle.pop();
    if (idle) return idle;
    if (this.opened >= this.size) return new Promise((resolve) => this.waiting.push(resolve));
    this.opened++;
    return this.duckdb.connect();
  }
}
