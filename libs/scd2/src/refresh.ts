/**
 * A reader's refresh: a batch of whole transactions enters the memory, and only the keys that it touches are recomputed.
 *
 * Changes that are handed over as rows are typed and compared in plain code, which finds the states of their keys by
 * `key_hash`; many, a truncate, or what does not type, run the same SQL as a fold.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { SeenColumns, type ColumnsSince } from './seen-columns.js';
import { PlainRefresh } from './plain-refresh.js';
import { sqlRefresh } from './sql-refresh.js';
import type { ChangeRow } from './typed-change.js';

export interface RefreshBatch {
  /** Whole transactions of one table, all later than what the memory holds (columns as in `BatchSource`). */
  readonly changes: string;
  /** The same, where they are few: up to some thousands cost less in plain code than in SQL. */
  readonly rows?: readonly ChangeRow[];
}

/** Refreshes of one table's memory, by one connection that has made it (`memoryDdl`). */
export class MemoryRefresh {
  private readonly plain: PlainRefresh;
  /** No refresh that is undone need be undone here: the first positions are the same when it comes again. */
  private readonly columns: SeenColumns;

  /** `since`: of the columns that changes before the first refresh had. */
  constructor(
    private readonly connection: DuckDBConnection,
    private readonly table: Table,
    since: ColumnsSince,
  ) {
    this.columns = new SeenColumns(table, since);
    this.plain = new PlainRefresh(connection, table, this.columns);
  }

  /** Applies the batch, and returns how many changes it has. It shows when the caller's transaction commits. */
  async apply({ changes, rows }: RefreshBatch): Promise<number> {
    if (rows && (await this.plain.apply(rows))) return rows.length;
    return sqlRefresh(this.connection, this.table, changes, this.columns);
  }
}
