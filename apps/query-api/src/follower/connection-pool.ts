import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

/** Connections for reading, each used by one at a time: DuckDB queues statements of one connection, transactions too. */
export class ConnectionPool {
  private readonly idle: DuckDBConnection[] = [];
  private readonly waiting: PromiseWithResolvers<DuckDBConnection>[] = [];
  private opened = 0;
  private retired = false;

  /** `duckdb` is this pool's: it goes with it. */
  constructor(
    private readonly duckdb: DuckDBInstance,
    private readonly size: number,
  ) {}

  async use<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.take();
    try {
      return await work(connection);
    } finally {
      this.handBack(connection);
    }
  }

  /** To be called when no use begins any more: those that have begun end, and DuckDB with the last of them. */
  retire(): void {
    this.retired = true;
    for (const connection of this.idle.splice(0)) this.close(connection);
    this.endIfUnused();
  }

  private async take(): Promise<DuckDBConnection> {
    const idle = this.idle.pop();
    if (idle) return idle;
    if (this.opened >= this.size) {
      const turn = Promise.withResolvers<DuckDBConnection>();
      this.waiting.push(turn);
      return turn.promise;
    }
    this.opened++;
    try {
      return await this.duckdb.connect();
    } catch (error) {
      this.opened -= 1;
      const next = this.waiting.shift();
      if (next) this.take().then(next.resolve, next.reject);
      this.endIfUnused();
      throw error;
    }
  }

  private handBack(connection: DuckDBConnection): void {
    const next = this.waiting.shift();
    if (next) next.resolve(connection);
    else if (!this.retired) this.idle.push(connection);
    else {
      this.close(connection);
      this.endIfUnused();
    }
  }

  private endIfUnused(): void {
    if (this.retired && this.opened === 0) this.duckdb.closeSync();
  }

  private close(connection: DuckDBConnection): void {
    connection.closeSync();
    this.opened -= 1;
  }
}
