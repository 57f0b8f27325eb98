/** How much of a reader's memory is there for want of a fold, and how much may be. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { parquet, rowsOf } from '#libs/lake';
import { literal, unfoldedSql } from '#libs/scd2';
import { TailTooLong } from './lake-unavailable.js';
import { countOf, type ChangelogFiles } from './new-changes.js';

interface Fold {
  readonly table: Table;
  readonly foldPosition: number;
}

export class Tail {
  private readonly byTable = new Map<string, number>();

  constructor(
    private readonly duckdb: DuckDBConnection,
    private readonly ceiling: number,
  ) {}

  get changes(): number {
    return [...this.byTable.values()].reduce((sum, changes) => sum + changes, 0);
  }

  /** @throws TailTooLong if so many changes more are too many; they are all that came, of events too */
  refuse(more: number, tip: number): void {
    if (more > 0 && this.changes + more > this.ceiling) throw new TailTooLong(this.changes + more, this.ceiling, tip);
  }

  /** The same for the changes that a lake has not folded: to be called before any of them is loaded. @throws TailTooLong */
  async refuseUnfolded(source: ChangelogFiles, folds: readonly Fold[], tip: number): Promise<void> {
    if (countOf(source) <= this.ceiling) return;
    const unfolded = folds.map(
      ({ table, foldPosition }) => `("table" = ${literal(table.table)} AND position > ${foldPosition})`,
    );
    const files = parquet(source.files.map(({ path }) => `${source.folder}/${path}`));
    const [row] = await rowsOf(this.duckdb, `SELECT count(*) AS changes FROM ${files} WHERE ${unfolded.join(' OR ')}`);
    this.refuse(Number(row!.changes), tip);
  }

  add({ table }: Table, changes: number): void {
    this.byTable.set(table, (this.byTable.get(table) ?? 0) + changes);
  }

  /** After a fold: what it left. */
  async count(table: Table, foldPosition: number): Promise<void> {
    const [row] = await rowsOf(this.duckdb, unfoldedSql(table, foldPosition));
    this.byTable.set(table.table, Number(row!.changes));
  }
}
