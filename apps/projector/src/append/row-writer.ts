/** Changes to Parquet: rows are appended to a table in memory and copied out, a file at a time. */
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { changelog, changelogTags } from '#libs/lake';
import { statsOf, writeDataFile, type AddFile } from '#libs/delta-log';
import type { Attribution, Origin } from './attribution.js';
import type { StagedChange } from './staged-change.js';

/** What a transaction gives each of its rows. */
export interface TransactionStamp {
  readonly txPosition: number;
  readonly txId: string;
  readonly commitLsn: number;
  readonly committedAt: bigint;
  readonly effectiveAt: bigint;
}

interface Extent {
  count: number;
  firstPosition: number;
  lastPosition: number;
  firstEffectiveAt: bigint;
  lastEffectiveAt: bigint;
}

/**
 * A small file is opened soon, by the next fold and by every reader, and zstd takes each of them 50 µs a column before the
 * first row: three quarters of what 40 rows take to read.
 */
const codecOf = ({ count }: Extent): string => (count < 10_000 ? 'snappy' : 'zstd');

const times = changelog.fields.filter(({ type }) => type === 'timestamp').map(({ name }) => name);
const batchRows = `SELECT * REPLACE (${times.map((name) => `make_timestamptz(${name}) AS ${name}`).join(', ')}) FROM batch`;

export class RowWriter {
  private appender: DuckDBAppender | null = null;
  private extent: Extent | null = null;
  private files: AddFile[] = [];

  private constructor(
    private readonly connection: DuckDBConnection,
    private readonly folder: string,
    private readonly rowsPerFile: number,
  ) {}

  /** `folder` is the changelog's. The connection is this writer's alone. After `rowsPerFile` rows the next file begins. */
  static async open(connection: DuckDBConnection, folder: string, rowsPerFile = 100_000): Promise<RowWriter> {
    // times as microseconds until they are copied out: the driver takes 1 µs to append one of DuckDB's own
    const types = { long: 'BIGINT', string: 'VARCHAR', timestamp: 'BIGINT' } as const;
    const columns = changelog.fields.map(({ name, type }) => `"${name}" ${types[type]}`);
    await connection.run(`CREATE TEMP TABLE batch (${columns.join(', ')})`);
    return new RowWriter(connection, folder, rowsPerFile);
  }

  async append(changes: readonly StagedChange[], stamp: TransactionStamp, attribution: Attribution): Promise<void> {
    const appender = (this.appender ??= await this.connection.createAppender('batch'));
    for (const change of changes) {
      appendRow(appender, change, stamp, attribution.of(change));
      this.extend(stamp.txPosition + change.ordinal, stamp.effectiveAt);
    }
    if (this.extent && this.extent.count >= this.rowsPerFile) await this.closeFile();
  }

  /** The files written since the last call: durable, and in no version yet. */
  async finish(): Promise<AddFile[]> {
    if (this.extent) await this.closeFile();
    const { files } = this;
    this.files = [];
    return files;
  }

  private extend(position: number, effectiveAt: bigint): void {
    this.extent ??= { count: 0, firstPosition: position, firstEffectiveAt: effectiveAt } as Extent;
    this.extent.count++;
    this.extent.lastPosition = position;
    this.extent.lastEffectiveAt = effectiveAt;
  }

  private async closeFile(): Promise<void> {
    const extent = this.extent!;
    this.appender!.closeSync();
    [this.appender, this.extent] = [null, null];
    const file = await writeDataFile(this.folder, async (path) => {
      const file = `'${path.replaceAll("'", "''")}'`;
      await this.connection.run(`COPY (${batchRows}) TO ${file} (FORMAT parquet, COMPRESSION ${codecOf(extent)})`);
    });
    await this.connection.run('TRUNCATE batch');
    this.files.push(addOf(file, extent));
  }
}

function appendRow(appender: DuckDBAppender, change: StagedChange, stamp: TransactionStamp, origin: Origin): void {
  const integers = [stamp.txPosition + change.ordinal, stamp.txPosition, stamp.commitLsn, change.ordinal];
  for (const integer of integers) appender.appendBigInt(BigInt(integer));
  appender.appendVarchar(stamp.txId);
  appender.appendBigInt(stamp.committedAt);
  appender.appendBigInt(stamp.effectiveAt);
  appender.appendVarchar(change.table);
  appender.appendVarchar(change.op);
  const rest = [change.key, change.before, change.after, origin.actor, origin.command, origin.correlation_id];
  for (const text of rest) {
    if (text === null) appender.appendNull();
    else appender.appendVarchar(text);
  }
  appender.endRow();
}

function addOf(file: { path: string; size: number }, extent: Extent): AddFile {
  const { count, firstPosition, lastPosition } = extent;
  return {
    ...file,
    partitionValues: {},
    modificationTime: Date.now(),
    dataChange: true,
    stats: statsOf({
      numRecords: count,
      minValues: { position: firstPosition },
      maxValues: { position: lastPosition },
    }),
    tags: {
      [changelogTags.firstPosition]: String(firstPosition),
      [changelogTags.lastPosition]: String(lastPosition),
      [changelogTags.firstEffectiveAt]: String(extent.firstEffectiveAt),
      [changelogTags.lastEffectiveAt]: String(extent.lastEffectiveAt),
    },
  };
}
