/** `plainSteps` on a reader's memory: two prepared queries and two appends, in the connection's transaction. */
import {
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBTimestampTZValue,
  LIST,
  listValue,
  UBIGINT,
  VARCHAR,
  type DuckDBConnection,
  type DuckDBPreparedStatement,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api';
import { keyColumns, surrogateKey, type Table } from '#libs/catalog';
import { plainSteps, type KeyChange, type KeyState } from './plain-steps.js';
import { plainTyping, type Typing } from './plain-typing.js';
import { keyHashSql, memoryNames, memoryTables } from './reader-memory.js';
import type { SeenColumns } from './seen-columns.js';
import { duckdbType, identifier } from './typing.js';

/** A row of the changelog. */
export interface ChangeRow {
  readonly position: bigint;
  readonly txPosition: bigint;
  readonly effectiveAt: DuckDBValue;
  readonly op: string;
  /** JSON of texts, as the changelog has it. */
  readonly key: string | null;
  readonly after: string | null;
  readonly actor: string | null;
  readonly command: string | null;
}

type Row = readonly DuckDBValue[];

interface Change extends KeyChange {
  readonly keyTexts: readonly string[];
  readonly of: ChangeRow;
  /** Typed business columns, in catalog order. */
  readonly business: Row;
}

interface Queries {
  readonly hashes: DuckDBPreparedStatement;
  readonly visible: DuckDBPreparedStatement;
}

/** DuckDB's limit to a chunk. */
const chunkRows = 2048;

export class PlainRefresh {
  private readonly typings: readonly Typing[];
  /** Of each column, which part of the key it is; -1: none. */
  private readonly keyPart: readonly number[];
  private queries: Promise<Queries> | null = null;

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly table: Table,
    private readonly columns: SeenColumns,
  ) {
    this.typings = table.columns.map(({ type }) => plainTyping(type));
    this.keyPart = table.columns.map(({ name }) => table.key.indexOf(name));
  }

  /**
   * `rows`: whole transactions. Returns false, and has done nothing, if they are not for plain code: there is a truncate
   * among them, or something that does not type, or lacks a column.
   */
  async apply(rows: readonly ChangeRow[]): Promise<boolean> {
    const changes: Change[] = [];
    for (const row of rows.toSorted((a, b) => (a.position < b.position ? -1 : 1))) {
      const change = this.changeOf(row);
      if (!change) return false;
      changes.push(change);
    }
    if (changes.length === 0) return true;
    const hashes = await this.hashesOf(changes);
    const { opened, closed } = plainSteps(await this.visibleStates(new Set(hashes.values())), changes);
    const { open, closing } = memoryNames(this.table);
    const openedRows = opened.map((change) => openRow(change, hashes.get(change.identity)!));
    await this.append(open, openedRows);
    await this.append(
      closing,
      closed.map(({ position, by }) => [position, by.transaction, by.of.effectiveAt]),
    );
    return true;
  }

  /** null for what is not known, and so for a truncate, which has no key. The changes come in their order. */
  private changeOf(row: ChangeRow): Change | null {
    const { key, columns } = this.table;
    const absent = row.op === 'd';
    const keyTexts = row.key === null ? [] : (JSON.parse(row.key) as string[]);
    if (keyTexts.length !== key.length || (!absent && row.after === null)) return null;
    const after = absent ? {} : (JSON.parse(row.after!) as Record<string, string | null>);
    if (!absent && this.lacksColumn(Number(row.position), after)) return null;
    const business: DuckDBValue[] = [];
    for (const [i, { name }] of columns.entries()) {
      const part = this.keyPart[i]!;
      const text = part >= 0 ? keyTexts[part]! : Object.hasOwn(after, name) ? after[name]! : null;
      const value = text === null ? null : this.typings[i]!(text);
      if (value === null && (text !== null || part >= 0)) return null;
      business.push(value);
    }
    const parts = this.partsOf(business);
    return {
      position: row.position,
      transaction: row.txPosition,
      identity: parts.key,
      state: absent ? null : parts.state,
      keyTexts,
      of: row,
      business,
    };
  }

  private lacksColumn(position: number, after: Readonly<Record<string, string | null>>): boolean {
    this.columns.see(position, after);
    return this.columns.lackedBy(position, after) !== null;
  }

  /** `key_hash` by identity: DuckDB's own, of the typed keys. */
  private async hashesOf(changes: readonly Change[]): Promise<ReadonlyMap<string, bigint>> {
    const { hashes } = await this.prepared();
    const keys = [...new Map(changes.map((change) => [change.identity, change.keyTexts])).entries()];
    this.table.key.forEach((_, part) => {
      const texts = keys.map(([, keyTexts]) => keyTexts[part]!);
      hashes.bindList(part + 1, listValue(texts), LIST(VARCHAR));
    });
    const rows = (await hashes.runAndReadAll()).getRows();
    return new Map(keys.map(([identity], i) => [identity, rows[i]![0] as bigint]));
  }

  /** What the keys, and any others of their hashes, are before the batch. */
  private async visibleStates(hashes: ReadonlySet<bigint>): Promise<KeyState[]> {
    const { visible } = await this.prepared();
    visible.bindList(1, listValue([...hashes]), LIST(UBIGINT));
    const rows = (await visible.runAndReadAll()).getRows();
    return rows.map(([unknown, position, ...business]) => {
      const { key, state } = this.partsOf(business);
      return { position: position as bigint, identity: key, state: unknown ? 'unknown' : state };
    });
  }

  private prepared(): Promise<Queries> {
    return (this.queries ??= this.prepare());
  }

  private async prepare(): Promise<Queries> {
    const { table, connection } = this;
    const { open, closing } = memoryTables(table);
    const keys = keyColumns(table).map(({ type }, i) => `TRY_CAST(k${i} AS ${duckdbType(type)})`);
    const texts = table.key.map((_, i) => `unnest($${i + 1}::VARCHAR[]) AS k${i}`).join(', ');
    const columns = [surrogateKey(table), ...table.columns.map(({ name }) => name)].map(identifier).join(', ');
    return {
      hashes: await connection.prepare(`SELECT ${keyHashSql(table, keys)} FROM (SELECT ${texts})`),
      visible: await connection.prepare(
        `SELECT raw IS NOT NULL, ${columns} FROM ${open} AS o WHERE key_hash IN (SELECT unnest($1::UBIGINT[]))
         AND NOT EXISTS (SELECT 1 FROM ${closing} AS c WHERE c.position = o.${identifier(surrogateKey(table))})`,
      ),
    };
  }

  /** Key and state of business columns as texts that are equal exactly where their values are. */
  private partsOf(business: Row): { key: string; state: string } {
    const [key, state]: [unknown[], unknown[]] = [[], []];
    for (const [i, value] of business.entries()) (this.keyPart[i] === -1 ? state : key).push(exact(value));
    return { key: JSON.stringify(key), state: JSON.stringify(state) };
  }

  /** In the connection's transaction, as an INSERT would, without one to be planned. */
  private async append(name: string, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const appender = await this.connection.createAppender(name);
    const types = Array.from({ length: appender.columnCount }, (_, i): DuckDBType => appender.columnType(i));
    for (let first = 0; first < rows.length; first += chunkRows) {
      const chunk = DuckDBDataChunk.create(types);
      chunk.setRows(rows.slice(first, first + chunkRows));
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
  }
}

/** As `<table>_open` has it. */
const openRow = ({ position, transaction, of, business }: Change, hash: bigint): Row => [
  ...[position, ...business, of.effectiveAt, null, transaction, null, of.actor, of.command],
  ...[null, null, null, hash],
];

/** A form that is equal exactly where DuckDB's values of one type are: no decimal becomes a float, no instant a Date. */
function exact(value: DuckDBValue): unknown {
  if (value instanceof DuckDBDecimalValue) return String(value.value);
  if (value instanceof DuckDBTimestampTZValue) return String(value.micros);
  if (value instanceof DuckDBDateValue) return value.days;
  return typeof value === 'bigint' ? String(value) : value;
}
