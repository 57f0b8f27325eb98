/** What must be: a plain replay, transaction by transaction, with typing rules of its own. */
import type { Table } from '#libs/catalog';
import { meaning } from '#libs/test-values';
import type { Change, Row } from './change.js';

/** Columns that a change lacks although one before it had them: what they held, nobody knows. */
class Columns {
  private readonly seen = new Set<string>();
  constructor(private readonly names: readonly string[]) {}

  static of = ({ columns, key }: Table) =>
    new Columns(columns.map(({ name }) => name).filter((name) => !key.includes(name)));

  /** Whether one is lacking; each change is to be asked once, in order. */
  lacking({ after }: Change): boolean {
    if (after === null) return false;
    const lacked = this.names.some((name) => this.seen.has(name) && !(name in after));
    for (const name of Object.keys(after)) this.seen.add(name);
    return lacked;
  }
}

/** What the source holds at the end, if it types: row after row, no matter in which transaction. */
export function sourceRows(of: Table, changes: readonly Change[]): string[] {
  const source = new Map<string, (string | null | undefined)[]>();
  const columns = Columns.of(of);
  for (const change of changes) {
    const { op, key, after } = change;
    const lacking = columns.lacking(change);
    if (op === 't') source.clear();
    else {
      const row: Row = { ...after, ...Object.fromEntries(of.key.map((name, i) => [name, key![i]!])) };
      const typed = of.columns.map(({ name, type }) => (row[name] == null ? null : meaning(row[name], type)));
      const identity = JSON.stringify(
        of.key.map((name) => typed[of.columns.findIndex((one) => one.name === name)] ?? key),
      );
      if (op === 'd') source.delete(identity);
      else source.set(identity, after && !lacking ? typed : [undefined]);
    }
  }
  const rows = [...source.values()].filter((row) => !row.includes(undefined));
  return rows.map((row) => JSON.stringify(row)).sort();
}

export interface Interval {
  key: string[];
  keyMeaning: (string | undefined)[];
  /** null = unknown */
  values: (string | null)[] | null;
  raw: Row | null;
  opened: Change;
  closed: Change | null;
}

/** Plain replay: after each transaction, what is each key's state, and is it another than before? */
export function replay(of: Table, changes: readonly Change[]): { versions: Interval[]; unknown: Interval[] } {
  const columns = of.columns.filter(({ name }) => !of.key.includes(name));
  const keyTypes = of.key.map((name) => of.columns.find((one) => one.name === name)!.type);
  const intervals: Interval[] = [];
  const seen = Columns.of(of);
  const lacking = new Set(changes.filter((change) => seen.lacking(change)));
  const open = new Map<string, { state: string; interval: Interval }>();
  for (const transaction of Map.groupBy(changes, ({ tx }) => tx).values()) {
    const after = new Map<string, Change>();
    for (const change of transaction) {
      const typed = change.key?.map((text, i) => meaning(text, keyTypes[i]!));
      const identity = JSON.stringify(typed?.includes(undefined) ? ['stray', change.key] : typed);
      if (change.op === 't') for (const key of new Set([...open.keys(), ...after.keys()])) after.set(key, change);
      else after.set(identity, change);
    }
    for (const [identity, change] of after) {
      const visible = open.get(identity);
      if (change.op === 'd' || change.op === 't') {
        if (visible) visible.interval.closed = change;
        open.delete(identity);
        continue;
      }
      const texts = columns.map(({ name }) => change.after?.[name] ?? null);
      const values = texts.map((text, i) => (text === null ? null : meaning(text, columns[i]!.type)));
      const keyMeaning = change.key!.map((text, i) => meaning(text, keyTypes[i]!));
      const known =
        change.after !== null && !lacking.has(change) && !values.includes(undefined) && !keyMeaning.includes(undefined);
      const state = JSON.stringify(known ? ['row', values] : ['unknown', texts]);
      if (state === visible?.state) continue;
      if (visible) visible.interval.closed = change;
      const raw = known ? null : Object.fromEntries(columns.map(({ name }, i) => [name, texts[i]!]));
      const interval: Interval = {
        ...{ key: change.key!, keyMeaning, values: known ? (values as (string | null)[]) : null, raw },
        ...{ opened: change, closed: null },
      };
      open.set(identity, { state, interval });
      intervals.push(interval);
    }
  }
  return { versions: intervals.filter(({ values }) => values), unknown: intervals.filter(({ values }) => !values) };
}
