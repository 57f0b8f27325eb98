/** What a reader's memory is asked, and given, for few changes: prepared. */
import type { DuckDBConnection, DuckDBPreparedStatement, DuckDBValue } from '@duckdb/node-api';
import { surrogateKey, type Column, type Table } from '#libs/catalog';
import { bindRows, rowsOfTexts } from './joined-texts.js';
import { keyHashSql, memoryTables, stateHashSql } from './reader-memory.js';
import type { TypedChange, Values } from './typed-change.js';
import { duckdbType, identifier } from './typing.js';
import { list } from './version.js';

/** DuckDB's own, of typed values: equal where the values are. */
export interface Hashes {
  readonly key: bigint;
  readonly state: bigint;
}

/** A state that is visible. */
export interface FoundState {
  readonly position: bigint;
  readonly key: bigint;
  /** null where it is unknown. */
  readonly state: bigint | null;
  /** Of the key alone; of columns of the state null. */
  readonly values: Values;
}

/** A state that ends, and the change that ends it. */
export interface ClosedState {
  readonly position: bigint;
  readonly by: TypedChange;
}

type Name = 'hashes' | 'found' | 'values' | 'open' | 'close';

export class MemoryStatements {
  private readonly statements = new Map<Name, Promise<DuckDBPreparedStatement>>();
  private readonly texts: Readonly<Record<Name, string>>;

  constructor(
    private readonly connection: DuckDBConnection,
    table: Table,
  ) {
    this.texts = statementsOf(table);
  }

  /** Of each change, in their order. */
  async hashesOf(changes: readonly TypedChange[]): Promise<Hashes[]> {
    const rows = await this.rows(
      'hashes',
      changes.map(({ texts }) => texts),
    );
    return rows.map(([key, state]) => ({ key: key as bigint, state: state as bigint }));
  }

  /** The visible states of the keys that have these hashes. */
  async find(keys: Iterable<bigint>): Promise<FoundState[]> {
    const rows = await this.rows('found', each(keys));
    return rows.map(([position, key, state, ...values]) => ({
      ...{ position: position as bigint, key: key as bigint, state: state as bigint | null, values },
    }));
  }

  /** The same, as whole values by position. */
  async valuesOf(keys: Iterable<bigint>): Promise<ReadonlyMap<bigint, Values>> {
    return new Map((await this.rows('values', each(keys))).map(([position, ...row]) => [position as bigint, row]));
  }

  /** Makes known states visible. */
  async open(changes: readonly TypedChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.rows(
      'open',
      changes.map(({ of, texts }) => [
        ...[String(of.position), ...texts, String(of.effectiveAt), String(of.txPosition), of.actor, of.command],
      ]),
    );
  }

  async close(states: readonly ClosedState[]): Promise<void> {
    if (states.length === 0) return;
    await this.rows(
      'close',
      states.map(({ position, by: { of } }) => [position, of.txPosition, of.effectiveAt].map(String)),
    );
  }

  private async rows(name: Name, rows: readonly (readonly (string | null)[])[]): Promise<DuckDBValue[][]> {
    let statement = this.statements.get(name);
    if (!statement) this.statements.set(name, (statement = this.connection.prepare(this.texts[name])));
    const prepared = await statement;
    bindRows(prepared, rows);
    return (await prepared.runAndReadAll()).getRows();
  }
}

const each = (keys: Iterable<bigint>): string[][] => [...new Set(keys)].map((key) => [String(key)]);

const column = (name: string, type: Column['type']) => ({ name, type });
const [position, tx] = [column('scd2_position', 'bigint'), column('scd2_tx', 'bigint')];
const [at, actor, command] = [
  column('scd2_at', 'bigint'),
  column('scd2_actor', 'text'),
  column('scd2_command', 'text'),
];

function statementsOf(table: Table): Record<Name, string> {
  const { open, closing } = memoryTables(table);
  const own = identifier(surrogateKey(table));
  const hashes = `${keyHashSql(table)}, ${stateHashSql(table)}`;
  const keys = table.columns.map(({ name, type }) =>
    table.key.includes(name) ? identifier(name) : `NULL::${duckdbType(type)}`,
  );
  const ofKeys = `FROM ${open} AS o WHERE key_hash IN (SELECT unnest(string_split($1, chr(1))::UBIGINT[]))
      AND NOT EXISTS (SELECT 1 FROM ${closing} AS c WHERE c.position = o.${own})`;
  return {
    hashes: `SELECT ${hashes} FROM (${rowsOfTexts(table.columns)})`,
    found: `SELECT ${own}, key_hash, state_hash, ${keys.join(', ')} ${ofKeys}`,
    values: `SELECT ${own}, ${list(table.columns)} ${ofKeys}`,
    open: `INSERT INTO ${open} SELECT scd2_position, ${list(table.columns)}, make_timestamptz(scd2_at), scd2_tx,
      scd2_actor, scd2_command, NULL, NULL, NULL, ${hashes}
      FROM (${rowsOfTexts([position, ...table.columns, at, tx, actor, command])})`,
    close: `INSERT INTO ${closing} SELECT scd2_position, scd2_tx, make_timestamptz(scd2_at)
      FROM (${rowsOfTexts([position, tx, at])})`,
  };
}
