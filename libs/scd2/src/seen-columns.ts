/**
 * Since when the source has had a column. A state without the column reads NULL if it is older (law 7); from then on it is
 * unknown (law 9), because what the row held when the column went away is nowhere, and NULL would be a value that nobody
 * wrote. The first position is a fact of the changelog alone, so fold, rebuild and reader find the same one, whatever
 * changes each of them has looked at before.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { stateColumns, type Table } from '#libs/catalog';
import { identifier, literal } from './typing.js';

/** Column → position of the first change of its table that has it. */
export type ColumnsSince = ReadonlyMap<string, number>;

type ChangedRow = Readonly<Record<string, string | null>>;

/** Path of a column in the JSON text of a row. */
const pathOf = (name: string): string => literal(`$.${JSON.stringify(name)}`);

/** What is known of a table's columns from the changes that were looked at, which are always the next ones. */
export class SeenColumns {
  private readonly first: Map<string, number>;
  private readonly names: readonly string[];
  private unseen: readonly string[];

  constructor(table: Table, since: ColumnsSince) {
    this.first = new Map(since);
    this.names = stateColumns(table).map(({ name }) => name);
    this.unseen = this.names.filter((name) => !since.has(name));
  }

  get since(): ColumnsSince {
    return this.first;
  }

  see(position: number, row: ChangedRow): void {
    if (this.unseen.length === 0) return;
    for (const name of this.unseen) if (Object.hasOwn(row, name)) this.first.set(name, position);
    this.unseen = this.unseen.filter((name) => !this.first.has(name));
  }

  /** `changes`: a relation with `position` and `after`. */
  async seeAll(connection: DuckDBConnection, changes: string): Promise<void> {
    if (this.unseen.length === 0) return;
    const ask = async (sql: string) => (await connection.runAndReadAll(sql)).getRows();
    const rows = `FROM ${changes} WHERE after IS NOT NULL`;
    const [row] = await ask(`SELECT min(position), arg_min(after, position) ${rows}`);
    const [position, after] = row as [bigint | null, string | null];
    if (after === null) return;
    this.see(Number(position), JSON.parse(after) as ChangedRow); // mostly that is all, and cheaper than a look at every row
    if (this.unseen.length === 0) return;
    const firsts = this.unseen.map(
      (name) => `min(position) FILTER (json_exists(after, ${pathOf(name)})) AS ${identifier(name)}`,
    );
    const [found] = await ask(`SELECT ${firsts.join(', ')} ${rows}`);
    for (const [i, name] of this.unseen.entries()) if (found![i] !== null) this.first.set(name, Number(found![i]));
    this.unseen = this.unseen.filter((name) => !this.first.has(name));
  }

  /** A column that the row of a change should have, and has not; null if there is none. */
  lackedBy(position: number, row: ChangedRow): string | null {
    const lacked = (name: string) => !Object.hasOwn(row, name) && (this.first.get(name) ?? Infinity) < position;
    return this.names.find(lacked) ?? null;
  }
}

/** An SQL condition: the row `after` at `position`, whose column has the text `text`, lacks the column. */
export const lacksColumnSql = (name: string, text: string, since: ColumnsSince): string | null =>
  // an OR works out all its parts for all rows, a CASE only where it must
  since.has(name)
    ? `CASE WHEN ${text} IS NULL THEN position > ${since.get(name)} AND NOT json_exists(after, ${pathOf(name)}) ELSE false END`
    : null;
