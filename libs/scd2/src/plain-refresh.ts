/** `plainSteps` on a reader's memory: two prepared queries and two inserts, mostly, in the connection's transaction. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { MemoryStatements, type Hashes } from './memory-statements.js';
import { plainSteps, type KeyChange, type KeyState, type PlainSteps } from './plain-steps.js';
import type { SeenColumns } from './seen-columns.js';
import { ChangeTyping, type ChangeRow, type TypedChange, type Values } from './typed-change.js';

interface Change extends KeyChange {
  readonly typed: TypedChange;
}

type State = Hashes & { readonly identity: string };

export class PlainRefresh {
  private readonly typing: ChangeTyping;
  private readonly memory: MemoryStatements;

  constructor(connection: DuckDBConnection, table: Table, columns: SeenColumns) {
    this.typing = new ChangeTyping(table, columns);
    this.memory = new MemoryStatements(connection, table);
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
    await this.memory.open(opened.map(({ typed }) => typed));
    await this.memory.close(closed.map(({ position, by: { typed } }) => ({ position, by: typed })));
    return true;
  }

  private async steps(typed: readonly TypedChange[]): Promise<PlainSteps<Change>> {
    const hashes = await this.memory.hashesOf(typed);
    const found = await this.memory.find(hashes.map(({ key }) => key));
    const visible = found.map((one) => ({ ...one, identity: this.typing.identityOf(one.values) }));
    const changed = typed.map(({ identity }, i): State => ({ identity, ...hashes[i]! }));
    const stateOf = await this.statesOf([...visible.filter(isKnown), ...changed.filter((_, i) => !typed[i]!.absent)]);
    return plainSteps(
      visible.map((one): KeyState => ({
        ...{ position: one.position, identity: one.identity },
        state: isKnown(one) ? stateOf(one, (values) => values.get(one.position)!) : 'unknown',
      })),
      typed.map((one, i): Change => ({
        ...{ position: one.of.position, transaction: one.of.txPosition, identity: one.identity, typed: one },
        state: one.absent ? null : stateOf(changed[i]!, () => one.values),
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
}

const isKnown = <S extends { readonly state: bigint | null }>(one: S): one is S & { readonly state: bigint } =>
  one.state !== null;

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
