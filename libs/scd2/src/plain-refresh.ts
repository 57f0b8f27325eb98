/** `plainSteps` on a reader's memory: two prepared queries and two appends, mostly, in the connection's transaction. */
import { DuckDBDataChunk, type DuckDBConnection, type DuckDBType } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { MemoryLookup, type Hashes } from './memory-lookup.js';
import { plainSteps, type KeyChange, type KeyState, type PlainSteps } from './plain-steps.js';
import { memoryNames } from './reader-memory.js';
import type { SeenColumns } from './seen-columns.js';
import { ChangeTyping, type ChangeRow, type TypedChange, type Values } from './typed-change.js';

interface Change extends KeyChange {
  readonly typed: TypedChange & Hashes;
}

type State = Hashes & { readonly identity: string };

/** DuckDB's limit to a chunk. */
const chunkRows = 2048;

export class PlainRefresh {
  private readonly typing: ChangeTyping;
  private readonly memory: MemoryLookup;

  constructor(
    private readonly connection: DuckDBConnection,
    private readonly table: Table,
    columns: SeenColumns,
  ) {
    this.typing = new ChangeTyping(table, columns);
    this.memory = new MemoryLookup(connection, table);
  }

  /**
   * `rows`: whole transactions. Returns false, and has done nothing, if they are not for plain code: there is a truncate
   * among them, or something that does not type, or lacks a column.
   */
  async apply(rows: readonly ChangeRow[]): Promise<boolean> {
    const changes: TypedChange[] = [];
    for (const row of rows.toSorted((a, b) => (a.position < b.position ? -1 : 1))) {
      const change = this.typing.changeOf(row);
      if (!change) return false;
      changes.push(change);
    }
    if (changes.length === 0) return true;
    const { opened, closed } = await this.steps(changes);
    const { open, closing } = memoryNames(this.table);
    await this.append(open, opened.map(openRow));
    await this.append(
      closing,
      closed.map(({ position, by }) => [position, by.transaction, by.typed.of.effectiveAt]),
    );
    return true;
  }

  private async steps(typed: readonly TypedChange[]): Promise<PlainSteps<Change>> {
    const hashes = await this.memory.hashesOf(typed);
    const found = await this.memory.find(hashes.map(({ key }) => key));
    const visible = found.map((one) => ({ ...one, identity: this.typing.identityOf(one.values) }));
    const changes = typed.map((change, i) => ({ ...change, ...hashes[i]! }));
    const stateOf = await this.statesOf([
      ...visible.filter(({ unknown }) => !unknown),
      ...changes.filter(({ absent }) => !absent),
    ]);
    return plainSteps(
      visible.map((one): KeyState => ({
        ...{ position: one.position, identity: one.identity },
        state: one.unknown ? 'unknown' : stateOf(one, (values) => values.get(one.position)!),
      })),
      changes.map((one): Change => ({
        ...{ position: one.of.position, transaction: one.of.txPosition, identity: one.identity, typed: one },
        state: one.absent ? null : stateOf(one, () => one.values),
      })),
    );
  }

  /**
   * Texts that are equal exactly where the states of one key are: their hashes, since to fetch the values of what is
   * visible costs more than all the rest; of a key that has two states of one hash the values.
   */
  private async statesOf(states: readonly State[]) {
    const alike = keysWithEqualHashes(states);
    const visible = alike.size > 0 ? await this.memory.valuesOf(alike.values()) : new Map<bigint, Values>();
    return ({ identity, state }: State, values: (visible: ReadonlyMap<bigint, Values>) => Values): string =>
      alike.has(identity) ? this.typing.stateOf(values(visible)) : String(state);
  }

  /** In the connection's transaction, as an INSERT would, without one to be planned. */
  private async append(name: string, rows: readonly Values[]): Promise<void> {
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
const openRow = ({ typed: { of, values, key, state } }: Change): Values => [
  ...[of.position, ...values, of.effectiveAt, of.txPosition, of.actor, of.command],
  ...[null, null, null, key, state],
];

/** Identity → the key's hash, of keys that have two states of one hash. */
function keysWithEqualHashes(states: readonly State[]): ReadonlyMap<string, bigint> {
  const [seen, found] = [new Map<string, bigint[]>(), new Map<string, bigint>()];
  for (const { identity, key, state } of states) {
    const others = seen.get(identity);
    if (others?.includes(state)) found.set(identity, key);
    if (others) others.push(state);
    else seen.set(identity, [state]);
  }
  return found;
}
