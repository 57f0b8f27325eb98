/**
 * The source's rows at one point of its log, as texts, in files: they go there as the server writes them, since rows that
 * are taken apart in this process are garbage of ten times their size, which the process keeps room for ever after.
 */
import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Table } from '#libs/catalog';
import { parseLsn, type Lsn, type SourceEpoch } from '#libs/change-event';
import { failpoint } from '#libs/failpoints';
import {
  connect,
  createTemporarySlot,
  disconnect,
  publishedTables,
  type ChunkLimits,
  type SessionOptions,
} from '#libs/postgres-replication';
import { literal } from '#libs/scd2';
import type pg from 'pg';
import { openSnapshot, readTableAsCsv, type PublishedColumns } from '../sources/exported-snapshot.js';
import { refuseOtherDatabase } from '../sources/slot-epoch.js';

export interface VerifiedSource extends SessionOptions {
  readonly publication: string;
}

export interface SourceTable {
  /** Its columns are those of the publication, each VARCHAR. */
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

/** Bytes. */
const leastLine = 1 << 20;

/**
 * Reads every row of the tables, beside whatever reads from the source already: the snapshot comes with a slot that is
 * gone as soon as it has been taken over, and no table is locked but against commands that would change its shape.
 * @throws SourceChanged if it is not the database of the epoch
 */
export async function readSourceRows(
  { source, tables, epoch }: { source: VerifiedSource; tables: readonly Table[]; epoch: SourceEpoch },
  folder: string,
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
      const copy = new TableCopy(reader, folder, told, signal);
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
    private readonly folder: string,
    private readonly told: (rows: number) => void,
    private readonly signal: AbortSignal,
  ) {}

  async all(names: readonly string[], publication: string): Promise<Map<string, SourceTable>> {
    const published = await publishedTables(this.reader, publication);
    const tables = new Map<string, SourceTable>();
    for (const name of names) tables.set(name, await this.one(name, published.get(name)!, `source-${tables.size}.csv`));
    return tables;
  }

  private async one(name: string, published: PublishedColumns, fileName: string): Promise<SourceTable> {
    const path = join(this.folder, fileName);
    const file = await open(path, 'w');
    let [rows, longest] = [0, 0];
    try {
      for await (const lines of readTableAsCsv(this.reader, name, published, chunk)) {
        this.signal.throwIfAborted();
        await file.writev(lines);
        await failpoint('verification.rows');
        rows += lines.length;
        for (const { length } of lines) longest = Math.max(longest, length);
        this.told(this.rows + rows);
      }
    } finally {
      await file.close();
    }
    this.rows += rows;
    return { relation: csvSql(path, published.columns, longest), columns: published.columns, rows };
  }
}

/** Of a file of lines up to so many bytes; NULL is what stands in no quotes. */
function csvSql(path: string, columns: readonly string[], longest: number): string {
  const types = columns.map((name) => `${literal(name)}: 'VARCHAR'`).join(', ');
  const line = Math.max(leastLine, longest + 1);
  const format = `auto_detect = false, header = false, delim = ',', quote = '"', escape = '"', new_line = '\\n',
    nullstr = '', allow_quoted_nulls = false, strict_mode = true, parallel = false`;
  return `read_csv(${literal(path)}, ${format}, max_line_size = ${line}, buffer_size = ${4 * line}, columns = {${types}})`;
}
