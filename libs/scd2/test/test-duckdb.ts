import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A DuckDB in memory and a folder for its files. */
export class TestDuckDb {
  private constructor(
    readonly instance: DuckDBInstance,
    readonly connection: DuckDBConnection,
    readonly folder: string,
  ) {}

  static async open(): Promise<TestDuckDb> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    await connection.run(`SET GLOBAL TimeZone = 'UTC'`);
    return new TestDuckDb(instance, connection, await mkdtemp(join(tmpdir(), 'scd2-')));
  }

  async rows(sql: string): Promise<(string | null)[][]> {
    return (await this.connection.runAndReadAll(sql)).getRowsJson() as (string | null)[][];
  }

  async inTransaction(statements: readonly string[]): Promise<void> {
    for (const sql of ['BEGIN', ...statements, 'COMMIT']) await this.connection.run(sql);
  }

  async close(): Promise<void> {
    this.connection.closeSync();
    this.instance.closeSync();
    await rm(this.folder, { recursive: true });
  }
}
