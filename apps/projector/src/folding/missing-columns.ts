/**
 * Law 7: a column of the catalog that the source has no more stops its table's fold, and nothing else; filled in, it would
 * be a NULL that nobody wrote. One that the source does not have yet reads NULL, until it comes.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { stateColumns, type Table } from '#libs/catalog';
import { rowsOf } from '#libs/lake';
import { literal } from '#libs/scd2';

export class ColumnMissing extends Error {
  readonly code = 'column-missing';
  constructor(
    readonly table: string,
    readonly column: string,
    readonly position: number,
  ) {
    super(
      `The change of ${table} at position ${position} has no column ${column}, which the changes before it had. ` +
        'Take it out of the catalog: its rebuild goes on without it, and what the column held stays in the changelog.',
    );
    this.name = 'ColumnMissing';
  }
}

/** Whether a row of changes lacks a column of the catalog: 1.2 µs each. */
export function lacksColumnSql(table: Table): string {
  const names = stateColumns(table).map(({ name }) => literal(name));
  return names.length === 0
    ? 'false'
    : `after IS NOT NULL AND NOT list_has_all(json_keys(after), [${names.join(', ')}])`;
}

/** `changes`: all of the table up to where it is folded. @throws ColumnMissing */
export async function refuseMissingColumns(table: Table, changes: string, duckdb: DuckDBConnection): Promise<void> {
  for (const { name } of stateColumns(table)) {
    const has = `list_contains(json_keys(after), ${literal(name)})`;
    const [seen] = await rowsOf(
      duckdb,
      `SELECT min(position) FILTER (${has}) AS first, max(position) FILTER (NOT ${has}) AS last
       FROM ${changes} WHERE after IS NOT NULL`,
    );
    const { first, last } = seen as { first: bigint | null; last: bigint | null };
    if (first !== null && last !== null && last > first) throw new ColumnMissing(table.table, name, Number(last));
  }
}
