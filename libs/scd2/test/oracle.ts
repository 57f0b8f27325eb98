/** What must be: a plain replay, transaction by transaction, with typing rules of its own. */
import type { Table } from '#libs/catalog';
import { meaning } from '#libs/test-lake';
import type { Change, Row } from './change.js';

/** What the source holds at the end, if it types: row after row, no matter in which transaction. */
export function sourceRows(of: Table, changes: readonly Change[]): string[] {
  const source = new Map<string, (string | null | undefined)[]>();
  for (const { op, key, after } of changes) {
    if (op === 't') source.clear();
    else {
      const row: Row = { ...after, ...Object.fromEntries(of.key.map((name, i) => [name, key![i]!])) };
      const typed = of.columns.map(({ name, type }) => (row[name] == null ? null : meaning(row[name], type)));
      const identity = JSON.stringify(
        of.key.map((name) => typed[of.columns.findIndex((one) => one.name === name)] ?? key),
      );
      if (op === 'd') source.delete(identity);
      else source.set(identity, after ? typed : [undefined]);
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
      const known = change.after !== null && !values.includes(undefined) && !keyMeaning.includes(undefined);
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
