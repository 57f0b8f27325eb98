/**
 * Law 7: while the source lacks a column of the catalog that it had, its table's fold stops, and nothing else, so that
 * somebody sees to it. Nothing is lost by going on: what changed without the column is unknown, and readers say so already
 * (`SeenColumns`). So folds go on by themselves as soon as the newest change has the column again.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { rowsOf } from '#libs/lake';
import type { SeenColumns } from '#libs/scd2';

export class ColumnMissing extends Error {
  readonly code = 'column-missing';
  constructor(
    readonly table: string,
    readonly column: string,
    readonly position: number,
  ) {
    super(
      `The change of ${table} at position ${position} has no column ${column}, which changes before it had. ` +
        'Give the source the column back: with the next change that has it folds go on, and rows that changed meanwhile ' +
        'are in quarantine until they change again. Or take it out of the catalog: what it held stays in the changelog.',
    );
    this.name = 'ColumnMissing';
  }
}

/** The newest row of some changes; null where none has one. */
export interface NewestRow {
  readonly position: number;
  /** JSON of its texts. */
  readonly after: string;
}

/** `changes`: a relation with `position` and `after`. */
export async function newestRow(changes: string, duckdb: DuckDBConnection): Promise<NewestRow | null> {
  const [row] = await rowsOf(
    duckdb,
    `SELECT max(position) AS position, arg_max(after, position) AS after FROM ${changes} WHERE after IS NOT NULL`,
  );
  return row!.after === null ? null : { position: Number(row!.position), after: row!.after as string };
}

/**
 * `folded` has the newest row of the changes to fold, `newest` looks for that of all there are.
 * @throws ColumnMissing
 */
export async function refuseMissingColumns(
  table: Table,
  columns: SeenColumns,
  folded: NewestRow | null,
  newest: () => Promise<NewestRow | null>,
): Promise<void> {
  if (lackedBy(columns, folded) === null) return;
  const row = await newest();
  const column = lackedBy(columns, row);
  if (column !== null) throw new ColumnMissing(table.table, column, row!.position);
}

const lackedBy = (columns: SeenColumns, row: NewestRow | null): string | null =>
  row && columns.lackedBy(row.position, JSON.parse(row.after) as Record<string, string | null>);
