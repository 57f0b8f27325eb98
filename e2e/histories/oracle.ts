/**
 * What the versions of a history are, by plain replay, transaction by transaction. Independent of the engine: it shares
 * no code with it, not even for what types and what does not.
 */
import type { Table } from '#libs/catalog';
import type { Row } from '#libs/change-event';
import type { ChangeOf } from '#libs/test-lake';
import type { HistoryTransaction } from './history.js';

export interface OracleVersion {
  readonly key: string;
  /** Column → text, as the read side shows it; null for NULL. */
  readonly row: Record<string, string | null>;
  /** Position of the change that opened it. */
  readonly position: number;
  readonly opened_tx: number;
  readonly valid_from: bigint;
  closed_tx: number | null;
  valid_to: bigint | null;
  readonly actor: string | null;
  readonly command: string | null;
}

/** A transaction's end: its last position and its effective time. */
export interface End {
  readonly position: number;
  readonly effectiveAt: bigint;
}

export interface Replay {
  readonly versions: ReadonlyMap<string, readonly OracleVersion[]>;
  /** Keys whose state cannot be typed, now: table and key. */
  readonly unknown: ReadonlySet<string>;
  readonly ends: readonly End[];
}

/** Spelled out for the values that histories use: text → canonical text; undefined: does not type. */
const unreadable = new Set(['NaN', 'infinity', '1e5', '0044-03-15 BC']);
const canonical: Record<string, string> = {
  '2026-03-01 08:00:00.123456+00': '1772352000123456',
  '2026-03-01 08:00:00+00': '1772352000000000',
};

export function replay(tables: readonly Table[], history: readonly HistoryTransaction[]): Replay {
  const versions = new Map(tables.map(({ table }) => [table, [] as OracleVersion[]]));
  const open = new Map<string, OracleVersion>();
  const states = new Map<string, string>();
  const ends = [];
  let [position, effectiveAt] = [1, 0n];
  for (const { changes, committedAt } of history) {
    const start = position;
    effectiveAt = committedAt > effectiveAt ? committedAt : effectiveAt + 1n;
    for (const table of tables)
      for (const [key, last] of lastChanges(table, changes, states, start)) {
        const id = `${table.table} ${key}`;
        const state = stateOf(table, last.change);
        if ((state?.text ?? null) === (states.get(id) ?? null)) continue;
        const closing = open.get(id);
        if (closing) Object.assign(closing, { closed_tx: start, valid_to: effectiveAt });
        open.delete(id);
        if (!state) {
          states.delete(id);
          continue;
        }
        states.set(id, state.text);
        if (!state.row) continue;
        const interval = { opened_tx: start, valid_from: effectiveAt, closed_tx: null, valid_to: null };
        const version = {
          key,
          row: state.row,
          position: last.position,
          ...interval,
          ...originOf(last.change, key, changes),
        };
        open.set(id, version);
        versions.get(table.table)!.push(version);
      }
    position += changes.length;
    ends.push({ position: position - 1, effectiveAt });
  }
  const unknown = new Set([...states].filter(([, text]) => text.startsWith('?')).map(([id]) => id));
  return { versions, unknown, ends };
}

function lastChanges(table: Table, changes: readonly ChangeOf[], states: ReadonlyMap<string, string>, start: number) {
  const last = new Map<string, { change: ChangeOf; position: number }>();
  for (const [ordinal, change] of changes.entries()) {
    if (change.table !== table.table) continue;
    const entry = { change, position: start + ordinal };
    if (change.op !== 't') last.set(change.key!, entry);
    else {
      const prefix = `${table.table} `;
      const known = [...states.keys()].filter((id) => id.startsWith(prefix)).map((id) => id.slice(prefix.length));
      for (const key of [...known, ...last.keys()]) last.set(key, entry);
    }
  }
  return last;
}

function stateOf(
  table: Table,
  { op, after }: ChangeOf,
): { text: string; row: Record<string, string | null> | null } | null {
  if (op === 'd' || op === 't') return null;
  const row = table.columns.map(({ name }) => [name, valueOf(after!, name)] as const);
  if (row.some(([, value]) => value !== null && unreadable.has(value)))
    return { text: `?${JSON.stringify(row)}`, row: null };
  return { text: JSON.stringify(row), row: Object.fromEntries(row) };
}

function valueOf(after: Row, name: string): string | null {
  const text = after[name] ?? null;
  if (name === 'clean' && text !== null) return String(text === 't');
  return text === null ? null : (canonical[text] ?? text);
}

/** The row's own event says who; else the transaction's events, if they agree. */
function originOf(change: ChangeOf, key: string, changes: readonly ChangeOf[]) {
  const events = changes.filter(({ table }) => table === 'domain_events').map(({ after }) => after!);
  const stream = `${change.table}:${(JSON.parse(key) as string[]).join('/')}`;
  const origins = events.map(({ metadata }) => metadata!);
  const own = change.op === 't' ? undefined : events.findLast(({ stream_id }) => stream_id === stream)?.metadata;
  const said = own ?? (new Set(origins).size === 1 ? origins[0] : undefined);
  const { actor, command } = said
    ? (JSON.parse(said) as { actor: string; command: string })
    : { actor: null, command: null };
  return { actor, command };
}
