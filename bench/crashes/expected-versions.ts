/** The laws in plain code, over what the changelog should hold: which versions there are, and which states are unknown. */
import { stateColumns, type Table } from '#libs/catalog';
import { catalog } from './bank.js';
import type { RecordedChange, Texts } from './record.js';

/** A transaction as the lake has placed it. */
export interface Placed {
  /** Positions of its first and its last change. */
  readonly first: number;
  readonly last: number;
  readonly changes: readonly RecordedChange[];
}

export interface ExpectedVersion {
  readonly table: string;
  readonly key: string;
  /** Position of the change that opened it. */
  readonly surrogate: number;
  readonly opened: number;
  closed: number | null;
  /** JSON of the state's columns: their values, or where one could not be typed their names and texts. */
  readonly state: string;
  readonly unknown: boolean;
}

/** A decimal as the lake shows it; undefined: none of its type. */
function decimal(text: string): string | undefined {
  if (!/^-?\d+(\.\d{1,2}0*)?$/.test(text) || Math.abs(Number(text)) >= 1e6) return undefined;
  return Number(text).toFixed(2);
}

/** Columns beside the key, typed and canonical; null: unknown. */
export function typedState(table: Table, row: Texts): string | null {
  const values = stateColumns(table).map(({ name, type }) => {
    const text = row[name] ?? null;
    return text === null || !type.startsWith('numeric') ? text : decimal(text);
  });
  return values.includes(undefined) ? null : JSON.stringify(values);
}

export function expectedVersions(transactions: readonly Placed[]): ExpectedVersion[] {
  const all: ExpectedVersion[] = [];
  for (const table of catalog.tables) {
    const open = new Map<string, ExpectedVersion>();
    for (const { first, changes } of transactions)
      for (const [key, { row, position }] of lastStates(table, first, changes, open)) {
        const before = open.get(key);
        const after = row && versionOf(table, key, row, { position, opened: first });
        if (before && after && before.state === after.state && before.unknown === after.unknown) continue;
        if (before) before.closed = first;
        open.delete(key);
        if (!after) continue;
        open.set(key, after);
        all.push(after);
      }
  }
  return all;
}

function versionOf(
  table: Table,
  key: string,
  row: Texts,
  { position, opened }: { position: number; opened: number },
): ExpectedVersion {
  const typed = typedState(table, row);
  const state = typed ?? JSON.stringify(stateColumns(table).map(({ name }) => [name, row[name] ?? null]));
  return { table: table.table, key, surrogate: position, opened, closed: null, state, unknown: typed === null };
}

interface LastState {
  readonly row: Texts | null;
  readonly position: number;
}

/** Of each key that the transaction touches: the row after its last change. */
function lastStates(
  { table }: Table,
  first: number,
  changes: readonly RecordedChange[],
  open: ReadonlyMap<string, ExpectedVersion>,
): Map<string, LastState> {
  const last = new Map<string, LastState>();
  changes.forEach((change, ordinal) => {
    if (change.table !== table) return;
    const state = { row: change.after, position: first + ordinal };
    const touched = change.op === 't' ? [...last.keys(), ...open.keys()] : [change.key!];
    for (const key of touched) last.set(key, state);
  });
  return last;
}
