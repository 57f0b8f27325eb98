/**
 * A table that shows the present state of its streams, one row a stream (the inline projection). Its names go into SQL as
 * they are, so they come from code, never from a request.
 */
export interface Table {
  readonly name: string;
  /** Columns of the primary key, in the order of a stream's key. */
  readonly key: readonly string[];
  /** The other columns but `version`, which is the stream's. */
  readonly columns: readonly string[];
}

/** Column → value as Postgres reads it from JSON: decimals and dates as text. */
export type Row = Readonly<Record<string, string | number | boolean | null>>;

/** `<table>:<key parts joined by />` */
export const streamId = (table: Table, key: readonly string[]): string => `${table.name}:${key.join('/')}`;
