/** The lake as anybody sees it who has DuckDB and the Delta protocol, and no line of this product. */
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { join } from 'node:path';

/** A transaction in the changelog. */
export interface PlacedTransaction {
  readonly tx_id: string;
  /** Positions of its first and its last change. */
  readonly first: number;
  readonly last: number;
  readonly effective_at: string;
  /** An instant one microsecond earlier. */
  readonly just_before: string;
  /** JSON of [table, key] → position of its last change in this transaction. */
  readonly changes: Readonly<Record<string, number>>;
}

type Texts = Readonly<Record<string, string | null>>;

export class LakeFiles {
  private constructor(
    private readonly folder: string,
    private readonly duckdb: DuckDBConnection,
  ) {}

  static async open(folder: string): Promise<LakeFiles> {
    const duckdb = await (await DuckDBInstance.create(':memory:')).connect();
    await duckdb.run(`SET TimeZone = 'UTC'`);
    return new LakeFiles(folder, duckdb);
  }

  close(): void {
    this.duckdb.closeSync();
  }

  async rows<T>(sql: string): Promise<T[]> {
    return (await this.duckdb.runAndReadAll(sql)).getRowObjectsJson() as T[];
  }

  /** Rows as texts, as DuckDB writes them. */
  texts(sql: string): Promise<Texts[]> {
    return this.rows<Texts>(`SELECT COLUMNS(*)::VARCHAR FROM (${sql})`);
  }

  /** The operations of a table's commits, oldest first. */
  async operations(table: string): Promise<string[]> {
    const commits = await this.rows<{ operation: string }>(
      `SELECT json ->> '$.commitInfo.operation' AS operation FROM ${this.log(table)} WHERE (json -> '$.commitInfo') IS NOT NULL ORDER BY filename`,
    );
    return commits.map(({ operation }) => operation);
  }

  /** A relation of the rows of a Delta table: what its log added and did not remove, with the values of `partition`. */
  async table(name: string, partition?: string): Promise<string> {
    const files = await this.rows<{ path: string; value: string | null }>(
      `SELECT json ->> '$.add.path' AS path, json ->> '$.add.partitionValues.${partition ?? 'none'}' AS value FROM ${this.log(name)}
       WHERE (json -> '$.add') IS NOT NULL AND (json ->> '$.add.path') NOT IN (
         SELECT json ->> '$.remove.path' FROM ${this.log(name)} WHERE (json -> '$.remove') IS NOT NULL)`,
    );
    const selects = files.map(({ path, value }) => {
      const file = join(this.folder, name, decodeURIComponent(path)).replaceAll("'", "''");
      return `SELECT *${partition ? `, '${value}' AS "${partition}"` : ''} FROM read_parquet('${file}', hive_partitioning = false)`;
    });
    return `(${selects.join(' UNION ALL BY NAME ')})`;
  }

  async transactions(): Promise<PlacedTransaction[]> {
    const moment = (shift: number) =>
      `strftime(make_timestamp(epoch_us(any_value(effective_at)) - ${shift}), '%Y-%m-%dT%H:%M:%S.%fZ')`;
    const rows = await this.rows<PlacedTransaction & { keys: string }>(
      `WITH last AS (SELECT tx_position, "table", key, max(position) AS position, any_value(tx_id) AS tx_id,
           any_value(effective_at) AS effective_at FROM ${await this.table('changelog')} GROUP BY ALL)
       SELECT any_value(tx_id) AS tx_id, tx_position::INTEGER AS first, max(position)::INTEGER AS last,
         ${moment(0)} AS effective_at, ${moment(1)} AS just_before,
         to_json(list(json_array("table", key, position)) FILTER (key NOT LIKE '["Bulk%'))::VARCHAR AS keys
       FROM last GROUP BY tx_position ORDER BY tx_position`,
    );
    return rows.map(({ keys, ...transaction }) => ({ ...transaction, changes: positions(keys) }));
  }

  private log(table: string): string {
    const files = join(this.folder, table, '_delta_log', '*.json').replaceAll("'", "''");
    return `read_ndjson_objects('${files}', filename = true)`;
  }
}

function positions(keys: string | null): Record<string, number> {
  const changes = JSON.parse(keys ?? '[]') as [string, string, number][];
  return Object.fromEntries(changes.map(([table, key, position]) => [JSON.stringify([table, key]), position]));
}
