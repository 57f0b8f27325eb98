/** Whether what readers saw were ends of transactions, in every table. */
import { stateColumns, type Catalog, type Table } from '#libs/catalog';
import type { World } from './worlds/world.js';
import { apply, emptyState, type Recorded, type State, type Texts } from './record.js';
import { identityOf, typedTexts } from './typed-value.js';

/** A cut as a reader saw it. */
export interface SeenCut {
  /** The last one. */
  readonly position: number;
  /** The transactions' counter. */
  readonly n: number;
  /** What the reader took the tables for. */
  readonly catalog: Catalog;
  /** Of each of its tables JSON of the rows that type: key and state of each, in the order of the keys. */
  readonly rows: readonly string[];
}

/** Rows of a table of which `lake` is the entry that made its versions, as a reader with the entry `table` shows them. */
function shown(table: Table, lake: Table, rows: ReadonlyMap<string, Texts>): string {
  const has = new Set(lake.columns.map(({ name }) => name));
  const visible = [...rows].flatMap(([key, row]): [string, string][] => {
    const identity = identityOf(lake, JSON.parse(key) as string[]);
    if (identity.startsWith('["stray"') || !typedTexts(lake.columns, row)) return [];
    const known = Object.fromEntries(Object.entries(row).filter(([name]) => has.has(name)));
    return [[identity, JSON.stringify(typedTexts(stateColumns(table), known))]];
  });
  return JSON.stringify(visible.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first table that is not as it was, by neither of the world's entries. */
function wrongTable({ catalog, rows }: SeenCut, state: State, { catalogs }: World): string | null {
  for (const [i, table] of catalog.tables.entries()) {
    const were = catalogs.map(({ tables }) => shown(table, tables[i]!, state.get(table.table)!));
    if (!were.includes(rows[i]!)) return `${table.table} with ${rows[i]}, where ${were[0]} is expected`;
  }
  return null;
}

/** How many of the cuts are none. `numbers`: of the transactions, by their last positions. */
export function compareCuts(
  seen: readonly SeenCut[],
  numbers: ReadonlyMap<number, number>,
  record: readonly Recorded[],
  { world, wrong }: { readonly world: World; readonly wrong: string[] },
): number {
  const byNumber = Map.groupBy(seen, ({ n }) => n);
  const state = emptyState(world.catalogs[0]);
  const torn: string[] = [];
  for (const { n, changes } of record) {
    apply(state, changes);
    for (const cut of byNumber.get(n) ?? []) {
      const is = numbers.get(cut.position) === n ? wrongTable(cut, state, world) : 'where another one ended';
      if (is) torn.push(`a cut at position ${cut.position} shows transaction ${n}, ${is}`);
    }
    byNumber.delete(n);
  }
  for (const [n, cuts] of byNumber)
    torn.push(...cuts.map(({ position }) => `a cut at ${position} shows ${n}, which is none`));
  wrong.push(...torn.slice(0, 3));
  return torn.length;
}
