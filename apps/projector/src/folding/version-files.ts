/** How versions lie in files: open rows by key, closed rows by the year in which they ended and by key inside. */
import type { DuckDBConnection } from '@duckdb/node-api';
import { surrogateKey, type Table } from '#libs/catalog';
import { statsOf, writeDataFile, type AddFile } from '#libs/delta-log';
import { quarantineTags, rowsOf } from '#libs/lake';
import { identifier, literal, type ColumnsSince, type KeyTexts } from '#libs/scd2';

/** Names the period of a closed file, so that files of one period can be merged. */
export const periodTag = 'migsbyu.period';

/** The files that hold one source table's versions and quarantine, all of them as of one fold. */
export interface VersionFiles {
  readonly table: Table;
  /** Where the versions' files are, and where a fold writes new ones. */
  readonly folder: string;
  /** Position up to which they hold every change. */
  readonly foldPosition: number;
  /** Since when those changes have each column. */
  readonly since: ColumnsSince;
  /** The open versions. */
  readonly open: readonly AddFile[];
  /** The quarantine's files of this table and generation, or of what a fold that crashed has made of them. */
  readonly quarantine: { readonly folder: string; readonly generation: number; readonly files: readonly AddFile[] };
}

/** Open rows of a file, about: more are split by their keys. */
export const rowsPerOpenFile = 250_000;

/** The same as JSON text: a fold sorts a file's rows at once, so wide ones must be fewer. */
export const bytesPerOpenFile = 96 << 20;

/** Names the first key that an open file's range begins with, as a JSON array of texts; none where it begins before all. */
const firstKeyTag = 'migsbyu.from_key';

export function firstKeyOf({ tags }: AddFile): KeyTexts | null {
  const text = tags?.[firstKeyTag];
  return text === undefined ? null : (JSON.parse(text) as string[]);
}

interface File {
  readonly folder: string;
  readonly query: string;
  readonly orderBy: string;
  /** Column whose bounds the file's statistics give: an integer. */
  readonly bounds: string;
  readonly rowGroup: number;
  readonly partition: Record<string, string>;
  readonly tags?: Record<string, string>;
}

/** One file, or none where there is no row. */
export async function openFileOf(
  { table, folder }: VersionFiles,
  query: string,
  firstKey: KeyTexts | null,
  duckdb: DuckDBConnection,
) {
  return write(duckdb, {
    folder,
    query,
    orderBy: table.key.map(identifier).join(', '),
    bounds: surrogateKey(table),
    rowGroup: 20_480,
    partition: { is_current: 'true' },
    ...(firstKey && { tags: { [firstKeyTag]: JSON.stringify(firstKey) } }),
  });
}

export async function closedFilesOf({ table, folder }: VersionFiles, query: string, duckdb: DuckDBConnection) {
  const years = `SELECT DISTINCT year(valid_to)::INTEGER AS year FROM (${query}) ORDER BY 1`;
  const files: AddFile[] = [];
  for (const { year } of (await rowsOf(duckdb, years)) as { year: number }[])
    files.push(
      ...(await write(duckdb, {
        folder,
        query: `SELECT * FROM (${query}) WHERE year(valid_to) = ${year}`,
        orderBy: `${table.key.map(identifier).join(', ')}, opened_tx`,
        bounds: surrogateKey(table),
        rowGroup: 122_880,
        partition: { is_current: 'false' },
        tags: { [periodTag]: String(year) },
      })),
    );
  return files;
}

export async function quarantineFileOf({ table, quarantine }: VersionFiles, query: string, duckdb: DuckDBConnection) {
  return write(duckdb, {
    folder: quarantine.folder,
    query: `SELECT * EXCLUDE ("table") FROM (${query})`,
    orderBy: 'position',
    bounds: 'position',
    rowGroup: 20_480,
    partition: { table: table.table },
    tags: { [quarantineTags.generation]: String(quarantine.generation) },
  });
}

/** Straight from the query to the file: a fold's rows are many, and held in a table they would be in memory twice. */
async function write(duckdb: DuckDBConnection, file: File): Promise<AddFile[]> {
  const { folder, query, orderBy, rowGroup, partition, tags } = file;
  const [row] = await rowsOf(duckdb, `SELECT count(*) AS count FROM (SELECT 1 FROM (${query}) LIMIT 1)`);
  if (row!.count === 0n) return [];
  // level 1: files as small as by the usual one, in a fifth less of the time to write them
  const options = `FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE ${rowGroup}, RETURN_STATS`;
  let stats = '';
  const copy = async (path: string) => {
    const [copied] = await rowsOf(duckdb, `COPY (${query} ORDER BY ${orderBy}) TO ${literal(path)} (${options})`);
    stats = statsOfCopy(copied as unknown as Copied, file.bounds);
  };
  const written = await writeDataFile(folder, copy, partition);
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

/** What RETURN_STATS tells; columns by their quoted names. */
interface Copied {
  readonly count: bigint;
  readonly column_statistics: readonly { key: string; value: readonly { key: string; value: string }[] }[];
}

function statsOfCopy({ count, column_statistics }: Copied, column: string): string {
  const bounds = new Map(
    column_statistics.find(({ key }) => key === identifier(column))!.value.map(({ key, value }) => [key, value]),
  );
  return statsOf({
    numRecords: Number(count),
    minValues: { [column]: BigInt(bounds.get('min')!) },
    maxValues: { [column]: BigInt(bounds.get('max')!) },
  });
}
