/** The source's rows at one point of its log, as texts, in tables of the workspace. */
import { randomBytes } from 'node:crypto';
import type { Table } from '#libs/catalog';
import { parseLsn, type Lsn, type SourceEpoch } from '#libs/change-event';
import {
  connect,
  createTemporarySlot,
  disconnect,
  publishedTables,
  type ChunkLimits,
  type CopiedRow,
  type SessionOptions,
} from '#libs/postgres-replication';
import { identifier } from '#libs/scd2';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import type pg from 'pg';
import { openSnapshot, readTable } from '../sources/exported-snapshot.js';
import { refuseOtherDatabase } from '../sources/slot-epoch.js';

export interface VerifiedSource extends SessionOptions {
  readonly publication: string;
}

export interface SourceTable {
  /** In the workspace; its columns are those of the publication, each VARCHAR. */
  readonly relation: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

export interface SourceRows {
  /** Exactly the commits that end at or before it are in the rows. */
  readonly lsn: Lsn;
  /** By the table's name in the source. */
  readonly tables: ReadonlyMap<string, SourceTable>;
}

const chunk: ChunkLimits = { items: 1000, bytes: 1 << 20 };
const chunksABatch = 8;

/**
 * Reads every row of the tables, beside whatever reads from the source already: the snapshot comes with a slot that is
 * gone as soon as it has been taken over, and no table is locked but against commands that would change its shape.
 * @throws SourceChanged if it is not the database of the epoch
 */
export async function readSourceRows(
  { source, tables, epoch }: { source: VerifiedSource; tables: readonly Table[]; epoch: SourceEpoch },
  duckdb: DuckDBConnection,
  told: (rows: number) => void,
  signal: AbortSignal,
): Promise<SourceRows> {
  const admin = await connect({ applicationName: 'verification', ...source });
  const keys = new Map(tables.map(({ table, key }) => [table, key]));
  try {
    const settings = { applicationName: 'verification', ...source, keys };
    const slot = `verification_${randomBytes(8).toString('hex')}`;
    const { server, consistentPoint, reader } = await openSnapshot(admin, settings, signal, (creator) =>
      createTemporarySlot(creator, slot),
    );
    const abort = () => void disconnect(reader);
    signal.addEventListener('abort', abort);
    try {
      refuseOtherDatabase(server, epoch);
      const copy = new TableCopy(reader, duckdb, told, signal);
      const copied = await copy.all([...keys.keys()], source.publication);
      // reading leaves records in the log (hint bits) that nobody flushes for 15 s, and no stream passes them until then;
      // the end of a transaction that has an id, though it did nothing, wakes the one who does
      await admin.query('SELECT pg_current_xact_id()');
      return { lsn: parseLsn(consistentPoint), tables: copied };
    } finally {
      signal.removeEventListener('abort', abort);
      await disconnect(reader);
    }
  } finally {
    await disconnect(admin);
  }
}

class TableCopy {
  private rows = 0;

  constructor(
    private readonly reader: pg.Client,
    private readonly duckdb: DuckDBConnection,
    private readonly told: (rows: number) => void,
    private readonly signal: AbortSignal,
  ) {}

  async all(names: readonly string[], publication: string): Promise<Map<string, SourceTable>> {
    const published = await publishedTables(this.reader, publication);
    const tables = new Map<string, SourceTable>();
    for (const name of names) tables.set(name, await this.one(name, published.get(name)!, `source_${tables.size}`));
    return tables;
  }

  private async one(name: string, published: Parameters<typeof readTable>[2], table: string): Promise<SourceTable> {
    const { columns } = published;
    const before = this.rows;
    const definition = columns.map((column) => `${identifier(column)} VARCHAR`).join(', ');
    for (const created of [`TABLE rows.${table}`, 'OR REPLACE TEMP TABLE batch'])
      await this.duckdb.run(`CREATE ${created} (${definition})`);
    await this.duckdb.run('BEGIN'); // rows go to the file once, without a log
    const batch = new Batch(this.duckdb, `rows.${table}`);
    for await (const rows of readTable(this.reader, name, published, chunk)) {
      this.signal.throwIfAborted();
      await batch.append(rows);
      this.rows += rows.length;
      this.told(this.rows);
    }
    await batch.flush();
    await this.duckdb.run('COMMIT');
    return { relation: `rows.${table}`, columns, rows: this.rows - before };
  }
}

/**
 * Rows on their way into a table of the file, by a table in memory: an appender knows no way to write but one that holds
 * up this thread, and with it everything else that the process does (5 s for 120 000 rows straight to the file).
 */
class Batch {
  private appender: DuckDBAppender | null = null;
  private chunks = 0;

  constructor(
    private readonly duckdb: DuckDBConnection,
    private readonly table: string,
  ) {}

  async append(rows: readonly CopiedRow[]): Promise<void> {
    const appender = (this.appender ??= await this.duckdb.createAppender('batch'));
    for (const row of rows) appendRow(appender, row);
    if (++this.chunks % chunksABatch === 0) await this.flush();
  }

  async flush(): Promise<void> {
    this.appender?.closeSync();
    this.appender = null;
    await this.duckdb.run(`INSERT INTO ${this.table} FROM temp.batch`);
    await this.duckdb.run('TRUNCATE temp.batch');
  }
}

function appendRow(appender: DuckDBAppender, row: CopiedRow): void {
  for (const value of row) {
    if (value === null) appender.appendNull();
    else appender.appendVarchar(value);
  }
  appender.endRow();
}
