/** How versions lie in files: open rows by key, closed rows by the year in which they ended and by key inside. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { surrogateKey } from '#libs/catalog';
import { statsOf, writeDataFile, type AddFile, type DeltaTable } from '#libs/delta-log';
import { rowsOf } from '#libs/lake';
import { identifier, literal } from '#libs/scd2';
import type { VersionStore } from './version-store.js';

/** Names the period of a closed file, so that files of one period can be merged. */
const periodTag = 'migsbyu.period';

interface File {
  readonly table: DeltaTable;
  readonly query: string;
  /** Column whose bounds the file's statistics give: an integer. */
  readonly bounds: string;
  readonly rowGroup: number;
  readonly partition: Record<string, string>;
  readonly tags?: Record<string, string>;
}

/** One file, or none where there is no row. */
export async function openFileOf({ table, versions }: VersionStore, query: string, duckdb: DuckDBConnection) {
  return write(duckdb, {
    table: versions,
    query: `${query} ORDER BY ${table.key.map(identifier).join(', ')}`,
    bounds: surrogateKey(table),
    rowGroup: 20_480,
    partition: { is_current: 'true' },
  });
}

export async function closedFilesOf({ table, versions }: VersionStore, query: string, duckdb: DuckDBConnection) {
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE fold_closed AS ${query}`);
  const periods = await rowsOf(duckdb, 'SELECT DISTINCT year(valid_to)::INTEGER AS year FROM fold_closed ORDER BY 1');
  const files: AddFile[] = [];
  for (const { year } of periods as { year: number }[])
    files.push(
      ...(await write(duckdb, {
        table: versions,
        query: `SELECT * FROM fold_closed WHERE year(valid_to) = ${year} ORDER BY ${table.key.map(identifier).join(', ')}, opened_tx`,
        bounds: surrogateKey(table),
        rowGroup: 122_880,
        partition: { is_current: 'false' },
        tags: { [periodTag]: String(year) },
      })),
    );
  return files;
}

export async function quarantineFileOf({ table, quarantine }: VersionStore, query: string, duckdb: DuckDBConnection) {
  return write(duckdb, {
    table: quarantine,
    query: `SELECT * EXCLUDE ("table") FROM (${query}) ORDER BY position`,
    bounds: 'position',
    rowGroup: 20_480,
    partition: { table: table.table },
  });
}

async function write(duckdb: DuckDBConnection, { table, query, ...file }: File): Promise<AddFile[]> {
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE fold_rows AS ${query}`);
  const column = identifier(file.bounds);
  const [bounds] = await rowsOf(
    duckdb,
    `SELECT count(*) AS count, min(${column}) AS low, max(${column}) AS high FROM fold_rows`,
  );
  const { count, low, high } = bounds as { count: bigint; low: bigint; high: bigint };
  if (count === 0n) return [];
  const options = `FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${file.rowGroup}`;
  const written = await writeDataFile(table.folder, async (path) => {
    await duckdb.run(`COPY fold_rows TO ${literal(path)} (${options})`);
  });
  const stats = statsOf({
    numRecords: Number(count),
    minValues: { [file.bounds]: low },
    maxValues: { [file.bounds]: high },
  });
  const { partition, tags } = file;
  return [
    {
      ...written,
      partitionValues: partition,
      modificationTime: Date.now(),
      dataChange: true,
      stats,
      ...(tags && { tags }),
    },
  ];
}
