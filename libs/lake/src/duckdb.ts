import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';

export interface DuckDbOptions {
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
    ...(options.threads && { threads: String(options.threads) }),
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

/** A relation over data files; `extra` adds the columns that their partition gives. */
export function parquet(paths: readonly string[], extra?: string): string {
  const files = paths.map((path) => `'${path.replaceAll("'", "''")}'`).join(', ');
  const relation = `read_parquet([${files}])`;
  return extra ? `(SELECT ${extra}, * FROM ${relation})` : relation;
}
