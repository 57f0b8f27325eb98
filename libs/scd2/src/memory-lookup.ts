/** What a reader's memory is asked for few changes: prepared, and thousands of texts handed over as one. */
import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBValue } from '@duckdb/node-api';
import { surrogateKey, type Table } from '#libs/catalog';
import { keyHashSql, memoryTables, stateHashSql } from './reader-memory.js';
import { nullText, textSeparator, type TypedChange, type Values } from './typed-change.js';
import { duckdbType, identifier } from './typing.js';
import { list } from './version.js';

/** DuckDB's own, of typed values: equal where the values are. */
export interface Hashes {
  readonly key: bigint;
  readonly state: bigint;
}

/** A state that is visible. */
export interface FoundState extends Hashes {
  readonly position: bigint;
  readonly unknown: boolean;
  /** Of the key alone; of columns of the state null. */
  readonly values: Values;
}

interface Queries {
  readonly hashes: DuckDBPreparedStatement;
  readonly found: DuckDBPreparedStatement;
  readonly values: DuckDBPreparedStatement;
}

export class MemoryLookup {
  private queries: Promise<Queries> | null = null;

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly table: Table,
  ) {}

  /** Of each change, in their order. */
  async hashesOf(changes: readonly TypedChange[]): Promise<Hashes[]> {
    const { hashes } = await this.prepared();
    for (const i of this.table.columns.keys())
      hashes.bindVarchar(i + 1, changes.map(({ texts }) => texts[i] ?? nullText).join(textSeparator));
    const rows = await rowsOf(hashes);
    return rows.map(([key, state]) => ({ key: key as bigint, state: state as bigint }));
  }

  /** The visible states of the keys that have these hashes. */
  async find(keys: Iterable<bigint>): Promise<FoundState[]> {
    const { found } = await this.prepared();
    found.bindVarchar(1, [...new Set(keys)].join());
    const rows = await rowsOf(found);
    return rows.map(([unknown, position, key, state, ...values]) => ({
      ...{ unknown: unknown as boolean, position: position as bigint },
      ...{ key: key as bigint, state: state as bigint, values },
    }));
  }

  /** The same, and their whole values by position. */
  async valuesOf(keys: Iterable<bigint>): Promise<ReadonlyMap<bigint, Values>> {
    const { values } = await this.prepared();
    values.bindVarchar(1, [...new Set(keys)].join());
    return new Map((await rowsOf(values)).map(([position, ...row]) => [position as bigint, row]));
  }

  private prepared(): Promise<Queries> {
    return (this.queries ??= this.prepare());
  }

  private async prepare(): Promise<Queries> {
    const { table, connection } = this;
    const { open, closing } = memoryTables(table);
    const position = identifier(surrogateKey(table));
    const keys = table.columns.map(({ name, type }) =>
      table.key.includes(name) ? identifier(name) : `NULL::${duckdbType(type)}`,
    );
    const ofKeys = `FROM ${open} AS o WHERE key_hash IN (SELECT unnest(string_split($1, ',')::UBIGINT[]))
      AND NOT EXISTS (SELECT 1 FROM ${closing} AS c WHERE c.position = o.${position})`;
    return {
      hashes: await connection.prepare(hashesSql(table)),
      found: await connection.prepare(
        `SELECT raw IS NOT NULL, ${position}, key_hash, state_hash, ${keys.join(', ')} ${ofKeys}`,
      ),
      values: await connection.prepare(`SELECT ${position}, ${list(table.columns)} ${ofKeys}`),
    };
  }
}

/** Of texts by column. */
function hashesSql(table: Table): string {
  const [separator, none] = [textSeparator, nullText].map((text) => `chr(${text.charCodeAt(0)})`);
  const texts = table.columns.map((_, i) => `unnest(string_split($${i + 1}, ${separator})) AS t${i}`);
  const typed = table.columns.map(
    ({ name, type }, i) => `TRY_CAST(nullif(t${i}, ${none}) AS ${duckdbType(type)}) AS ${identifier(name)}`,
  );
  return `SELECT ${keyHashSql(table)}, ${stateHashSql(table)}
    FROM (SELECT ${typed.join(', ')} FROM (SELECT ${texts.join(', ')}))`;
}

async function rowsOf(query: DuckDBPreparedStatement): Promise<DuckDBValue[][]> {
  return (await query.runAndReadAll()).getRows();
}
