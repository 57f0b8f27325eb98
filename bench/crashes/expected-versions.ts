/** The laws in plain code, over what the changelog should hold: which versions there are, and which states are unknown. */
import { stateColumns, type Catalog, type Table } from '#libs/catalog';
import { originOf, type Origin } from './origin.js';
import type { RecordedChange, Texts } from './record.js';
import { identityOf, typedTexts } from './typed-value.js';

/** A transaction as the lake has placed it. */
export interface Placed {
  /** Positions of its first and its last change. */
  readonly first: number;
  readonly last: number;
  readonly isSnapshot: boolean;
  readonly changes: readonly RecordedChange[];
}

export interface ExpectedVersion {
  readonly table: string;
  /** As `identityOf` has it. */
  readonly key: string;
  /** Position of the change that opened it. */
  readonly surrogate: number;
  readonly opened: number;
  closed: number | null;
  /** JSON of the state's columns: their values, or where one could not be typed their names and texts. */
  readonly state: string;
  readonly unknown: boolean;
  readonly origin: Origin;
}

/** Columns beside the key, typed and canonical; null: unknown, for one of them or for the key. */
export function typedState(table: Table, key: string, row: Texts): string | null {
  if (key.startsWith('["stray"')) return null;
  const state = typedTexts(stateColumns(table), row);
  return state && JSON.stringify(state);
}

export function expectedVersions({ tables, events }: Catalog, transactions: readonly Placed[]): ExpectedVersion[] {
  const all: ExpectedVersion[] = [];
  for (const table of tables) {
    const open = new Map<string, ExpectedVersion>();
    for (const transaction of transactions)
      for (const [key, { change, position }] of lastChanges(table, transaction, open)) {
        const before = open.get(key);
        const origin = () => originOf(change, transaction.isSnapshot ? [] : transaction.changes, events?.table);
        const after =
          change.after && versionOf(table, key, change.after, { position, opened: transaction.first, origin });
        if (before && after && before.state === after.state && before.unknown === after.unknown) continue;
        if (before) before.closed = transaction.first;
        open.delete(key);
        if (!after) continue;
        open.set(key, after);
        all.push(after);
      }
  }
  return all;
}

interface Opening {
  readonly position: number;
  readonly opened: number;
  readonly origin: () => Origin;
}

function versionOf(table: Table, key: string, row: Texts, { position, opened, origin }: Opening): ExpectedVersion {
  const typed = typedState(table, key, row);
  const state = typed ?? JSON.stringify(stateColumns(table).map(({ name }) => [name, row[name] ?? null]));
  const interval = { surrogate: position, opened, closed: null };
  return { table: table.table, key, ...interval, state, unknown: typed === null, origin: origin() };
}

interface LastChange {
  readonly change: RecordedChange;
  readonly position: number;
}

/** Of each key that the transaction touches. */
function lastChanges(
  table: Table,
  { first, changes }: Placed,
  open: ReadonlyMap<string, ExpectedVersion>,
): Map<string, LastChange> {
  const last = new Map<string, LastChange>();
  changes.forEach((change, ordinal) => {
    if (change.table !== table.table) return;
    const touched =
      change.key === null ? [...last.keys(), ...open.keys()] : [identityOf(table, JSON.parse(change.key) as string[])];
    for (const key of touched) last.set(key, { change, position: first + ordinal });
  });
  return last;
}
