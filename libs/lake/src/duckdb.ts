import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { availableParallelism } from 'node:os';

export interface DuckDbOptions {
  /** Half of the machine's where absent: whoever waits for another thread of a query spins, so that two on two busy cores
   *  take 1.3 to 2.3 times the processor time of one, and every process of the product has a DuckDB. */
  readonly threads?: number;
  /** As DuckDB writes it: `1GB`. */
  readonly memoryLimit?: string;
  /** Where DuckDB spills what exceeds its memory. */
  readonly temporaryFolder?: string;
}

/** A DuckDB in memory whose every connection runs in UTC and installs nothing. */
export async function openDuckDb(options: DuckDbOptions = {}): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    autoinstall_known_extensions: 'false',
    threads: String(options.threads ?? Math.max(1, Math.floor(availableParallelism() / 2))),
    ...(options.memoryLimit && { memory_limit: options.memoryLimit }),
    ...(options.temporaryFolder && { temp_directory: options.temporaryFolder }),
  });
  const connection = await instance.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  connection.closeSync();
  return instance;
}

/**
 * The rows of a statement; 64-bit integers come as bigint. Ask for decimals and dates as text and for timestamps as
 * `epoch_us(…)`: the driver would make them a rounded number or a Date.
 */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<Record<string, unknown>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
}

/** A relation over data files; `extra` adds the columns that their partition gives. What their path says adds none. */
export function parquet(paths: readonly string[], extra?: string): string {
  const files = paths.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ');
  const relation = `read_parquet([${files}], hive_partitioning = false)`;
  return extra ? `(SELECT ${extra}, * FROM ${relation})` : relation;
}
