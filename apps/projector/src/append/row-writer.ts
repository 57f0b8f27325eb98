/** Changes to Parquet: rows are appended to a table in memory and copied out, a file at a time. */
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import type { ChangeEvent } from '#libs/change-event';
import { changelog, changelogTags, rowsOf } from '#libs/lake';
import { statsOf, writeDataFile, type AddFile } from '#libs/delta-log';
import type { Attribution, Origin } from './attribution.js';
import { sizeOf } from './change-size.js';

/** A change's text had a line end where none can be: no file is better than one with rows that are mixed up. */
export class RowsMiscounted extends Error {
  readonly code = 'rows-miscounted';
  constructor(
    readonly expected: number,
    readonly written: number,
  ) {
    super(
      `${expected} changes became ${written} rows of the changelog. A source gave a row or a key that is not JSON on one line; ` +
        'nothing was committed.',
    );
    this.name = 'RowsMiscounted';
  }
}

/** What a transaction gives each of its rows. */
export interface TransactionStamp {
  readonly txPosition: number;
  readonly txId: string;
  readonly commitLsn: number;
  readonly committedAt: bigint;
  readonly effectiveAt: bigint;
}

interface Extent {
  /** Rows of the batch, and the changes in them. */
  runs: number;
  count: number;
  /** In characters. */
  size: number;
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

/**
 * What waits for its file: changes of one transaction and one origin in one row, their texts joined by line ends, which
 * no JSON text and no name of a table holds. Appending a value costs 0.1 µs, and a change has fifteen.
 */
const packed = {
  ...{ tx_position: 'BIGINT', commit_lsn: 'BIGINT', first_ordinal: 'BIGINT', count: 'BIGINT', tx_id: 'VARCHAR' },
  ...{ committed_at: 'BIGINT', effective_at: 'BIGINT' }, // the driver takes 1 µs to append one of DuckDB's own times
  ...{ tables: 'VARCHAR', ops: 'VARCHAR', keys: 'VARCHAR', befores: 'VARCHAR', afters: 'VARCHAR' },
  ...{ actor: 'VARCHAR', command: 'VARCHAR', correlation_id: 'VARCHAR' },
};

const each = (column: string): string => `unnest(string_split(${column}, chr(10)))`;
const absent = ['key', 'before', 'after'].map((name) => `nullif(${name}, '') AS ${name}`).join(', ');

/** The changelog's rows; `column` gives the values of one that is joined. */
const rowsOfBatch = (ordinal: string, column: (joined: string) => string): string => {
  const joined = { tables: '"table"', ops: 'op', keys: 'key', befores: 'before', afters: 'after' };
  const columns = Object.entries(joined).map(([from, name]) => `${column(from)} AS ${name}`);
  return `SELECT ${changelog.fields.map(({ name }) => `"${name}"`).join(', ')}
  FROM (SELECT * REPLACE (${absent}), tx_position + ordinal AS position FROM (
    SELECT tx_position, commit_lsn, tx_id, actor, command, correlation_id, make_timestamptz(committed_at) AS committed_at,
      make_timestamptz(effective_at) AS effective_at, ${ordinal} AS ordinal, ${columns.join(', ')} FROM batch))`;
};
const joinedRows = rowsOfBatch('unnest(range(first_ordinal, first_ordinal + count))', each);
/** Of single changes: taking them apart would cost 2 µs each. */
const singleRows = rowsOfBatch('first_ordinal', (column) => column);

/** After about as many rows or characters, whichever comes first, the next file begins: a file's rows are in memory. */
export interface FileLimits {
  readonly rowsPerFile?: number;
  readonly charactersPerFile?: number;
}

export class RowWriter {
  private appender: DuckDBAppender | null = null;
  private extent: Extent | null = null;
  private files: AddFile[] = [];

  private constructor(
    private readonly connection: DuckDBConnection,
    private readonly folder: string,
    private readonly limits: FileLimits,
  ) {}

  /** `folder` is the changelog's. The connection is this writer's alone. */
  static async open(connection: DuckDBConnection, folder: string, limits: FileLimits = {}): Promise<RowWriter> {
    const columns = Object.entries(packed).map(([name, type]) => `${name} ${type}`);
    await connection.run(`CREATE TEMP TABLE batch (${columns.join(', ')})`);
    return new RowWriter(connection, folder, limits);
  }

  async append(changes: readonly ChangeEvent[], stamp: TransactionStamp, attribution: Attribution): Promise<void> {
    const appender = (this.appender ??= await this.connection.createAppender('batch'));
    let runs = 0;
    for (let from = 0, to = 1; from < changes.length; from = to++, runs++) {
      const origin = attribution(changes[from]!);
      while (to < changes.length && attribution(changes[to]!) === origin) to++;
      appendRun(appender, changes.slice(from, to), stamp, origin);
    }
    this.extend(changes, runs, stamp);
    if (this.extent && this.isFull(this.extent)) await this.closeFile();
  }

  /** The files written since the last call: durable, and in no version yet. */
  async finish(): Promise<AddFile[]> {
    if (this.extent) await this.closeFile();
    const { files } = this;
    this.files = [];
    return files;
  }

  private isFull({ count, size }: Extent): boolean {
    const { rowsPerFile = 100_000, charactersPerFile = 64 << 20 } = this.limits;
    return count >= rowsPerFile || size >= charactersPerFile;
  }

  private extend(changes: readonly ChangeEvent[], runs: number, { txPosition, effectiveAt }: TransactionStamp): void {
    if (changes.length === 0) return;
    const first = txPosition + changes[0]!.ordinal;
    this.extent ??= { runs: 0, count: 0, size: 0, firstPosition: first, firstEffectiveAt: effectiveAt } as Extent;
    this.extent.runs += runs;
    this.extent.count += changes.length;
    for (const change of changes) this.extent.size += sizeOf(change);
    this.extent.lastPosition = txPosition + changes.at(-1)!.ordinal;
    this.extent.lastEffectiveAt = effectiveAt;
  }

  private async closeFile(): Promise<void> {
    const extent = this.extent!;
    this.appender!.closeSync();
    [this.appender, this.extent] = [null, null];
    const file = await writeDataFile(this.folder, async (path) => {
      const file = `'${path.replaceAll("'", "''")}'`;
      const rows = extent.runs === extent.count ? singleRows : joinedRows;
      const copy = `COPY (${rows}) TO ${file} (FORMAT parquet, COMPRESSION ${codecOf(extent)})`;
      const [copied] = await rowsOf(this.connection, copy);
      if (Number(copied!['Count']) !== extent.count) throw new RowsMiscounted(extent.count, Number(copied!['Count']));
    });
    await this.connection.run('TRUNCATE batch');
    this.files.push(addOf(file, extent));
  }
}

function appendRun(
  appender: DuckDBAppender,
  run: readonly ChangeEvent[],
  stamp: TransactionStamp,
  origin: Origin,
): void {
  const { txPosition, commitLsn, txId, committedAt, effectiveAt } = stamp;
  for (const integer of [txPosition, commitLsn, run[0]!.ordinal, run.length]) appender.appendBigInt(BigInt(integer));
  appender.appendVarchar(txId);
  appender.appendBigInt(committedAt);
  appender.appendBigInt(effectiveAt);
  for (const field of ['table', 'op', 'key', 'before', 'after'] as const)
    appender.appendVarchar(
      run.length === 1 ? (run[0]![field] ?? '') : run.map((change) => change[field] ?? '').join('\n'),
    );
  for (const text of [origin.actor, origin.command, origin.correlation_id]) {
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
