/** What must be: a plain replay, transaction by transaction, with typing rules of its own. */
import type { ColumnType, Table } from '#libs/catalog';
import type { Change, Row } from './change.js';

const isDay = (year: number, month: number, day: number): boolean => {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 1 && day >= 1 && day <= ([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
};

/** What a text means as a value of the type, in one canonical form; undefined if nothing. */
export function meaning(text: string, type: ColumnType): string | undefined {
  if (type === 'text') return text;
  if (type === 'boolean') return { t: 'true', true: 'true', f: 'false', false: 'false' }[text];
  if (type === 'date' || type === 'timestamptz') {
    const parts = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00)?$/.exec(text);
    if (!parts || (parts[4] !== undefined) !== (type === 'timestamptz')) return undefined;
    const [year, month, day, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map((part) => Number(part ?? 0));
    if (!isDay(year!, month!, day!) || hour > 23 || minute > 59 || second > 59) return undefined;
    if (type === 'date') return text;
    const moment = new Date(0);
    moment.setUTCFullYear(year!, month! - 1, day!);
    moment.setUTCHours(hour, minute, second);
    return String(BigInt(moment.getTime()) * 1000n + BigInt((parts[7] ?? '').padEnd(6, '0')));
  }
  const bits = { smallint: 16, integer: 32, bigint: 64 }[type as string];
  if (bits) {
    if (!/^-?\d+$/.test(text)) return undefined;
    return BigInt.asIntN(bits, BigInt(text)) === BigInt(text) ? String(BigInt(text)) : undefined;
  }
  const [precision, scale] = /(\d+),(\d+)/.exec(type)!.slice(1).map(Number) as [number, number];
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  const [whole, fraction] = [parts?.[2] ?? '', parts?.[3] ?? ''];
  if (!parts || /[^0]/.test(fraction.slice(scale))) return undefined;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  if (digits >= 10n ** BigInt(precision)) return undefined;
  const padded = String(digits).padStart(scale + 1, '0');
  const sign = digits > 0n ? parts[1] : '';
  return sign + (scale ? `${padded.slice(0, -scale)}.${padded.slice(-scale)}` : padded);
}

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
