/**
 * What the lake must say, from the states that the tables were in after each commit: differences of consecutive states, as
 * a plain replay. The changelog is asked for nothing but where a transaction stands in it.
 */
import type { Column, Table } from '#libs/catalog';
import { meaning } from '#libs/test-values';
import type { End, OracleVersion } from '../histories/oracle.js';
import type { PlacedChange, PlacedTransaction } from './changelog.js';
import type { Moment, Row } from './source.js';

export interface PlacedMoment extends Moment {
  readonly at: PlacedTransaction;
}

/** While a key's state could not be typed: [from, to) in first positions of transactions. */
export interface Unknown {
  readonly key: readonly string[];
  readonly from: number;
  to: number | null;
}

export interface Expected {
  /** Source table → its versions, and its unknown states. */
  readonly versions: ReadonlyMap<string, readonly OracleVersion[]>;
  readonly unknown: ReadonlyMap<string, readonly Unknown[]>;
  readonly ends: readonly End[];
}

/** The lake does not have what it must, or has what it must not. */
class Misplaced extends Error {}

/**
 * The moments that the changelog has, in its order. One is missing rightly if nothing captured changed in it, or if a later
 * snapshot shows what it did, with all that came between them. A snapshot is, where the life that took it ended before the
 * lake had it: the slot stays, and what it showed comes, or has come, as transactions.
 */
export function place(
  tables: readonly Table[],
  moments: readonly Moment[],
  transactions: readonly PlacedTransaction[],
): PlacedMoment[] {
  const placed: PlacedMoment[] = [];
  let skipped: string | null = null;
  let next = 0;
  moments.forEach((moment, i) => {
    const at = transactions[next];
    if (at && isOf(moment, at)) {
      if (skipped !== null && 'txId' in moment.of)
        throw new Misplaced(`Transaction ${moment.of.txId} is in the lake, and ${skipped} before it is not.`);
      placed.push({ ...moment, at });
      [next, skipped] = [next + 1, null];
    } else if ('txId' in moment.of && !isIdle(tables, moment, moments[i - 1])) skipped ??= moment.of.txId;
  });
  if (skipped !== null) throw new Misplaced(`${skipped} is not in the lake.`);
  if (next < transactions.length)
    throw new Misplaced(
      `Transaction ${transactions[next]!.txId} at ${transactions[next]!.first} is in the lake, and should not be there or not in this place.`,
    );
  return placed;
}

/** Adding a column gives rows a value without changing them. */
const isIdle = (tables: readonly Table[], { tables: now, events }: Moment, before: Moment | undefined): boolean =>
  events.length === 0 && tables.every((table) => textOf(table, now) === textOf(table, before?.tables));

function textOf({ table, columns, untracked = [] }: Table, tables: Moment['tables'] | undefined): string {
  const names = [...columns.map(({ name }) => name), ...untracked];
  return JSON.stringify(tables?.[table]!.map((row) => names.map((name) => row[name])));
}

const isOf = ({ of }: Moment, at: PlacedTransaction): boolean =>
  'txId' in of ? of.txId === at.txId : at.txId === '0' && at.commitLsn === of.consistentPoint;

export function expectedOf(tables: readonly Table[], moments: readonly PlacedMoment[]): Expected {
  const replays = tables.map((table) => new TableReplay(table));
  for (const moment of moments) for (const replay of replays) replay.apply(moment);
  return {
    versions: new Map(replays.map(({ table, versions }) => [table.table, versions])),
    unknown: new Map(replays.map(({ table, unknown }) => [table.table, unknown])),
    ends: moments.map(({ at: { last, effectiveAt } }) => ({ position: last, effectiveAt })),
  };
}

interface State {
  readonly key: readonly string[];
  /** Its values; null where they are unknown, which `text` then tells apart. */
  readonly row: Record<string, string | null> | null;
  readonly text: string;
}

class TableReplay {
  readonly versions: OracleVersion[] = [];
  readonly unknown: Unknown[] = [];
  private states = new Map<string, State>();
  private readonly open = new Map<string, OracleVersion | Unknown>();

  constructor(readonly table: Table) {}

  apply(moment: PlacedMoment): void {
    const { at, tables } = moment;
    const states = new Map(
      tables[this.table.table]!.map((row) => [
        identityOf(this.table, keyOf(this.table, row)),
        stateOf(this.table, row),
      ]),
    );
    for (const identity of new Set([...this.states.keys(), ...states.keys()])) {
      const state = states.get(identity);
      if (this.states.get(identity)?.text === state?.text) continue;
      const before = this.open.get(identity);
      if (before && 'from' in before) before.to = at.first;
      else if (before) Object.assign(before, { closed_tx: at.first, valid_to: at.effectiveAt });
      this.open.delete(identity);
      if (!state) continue;
      if (state.row) this.versions.push(this.opened(state, identity, moment));
      else this.unknown.push({ key: state.key, from: at.first, to: null });
      this.open.set(identity, state.row ? this.versions.at(-1)! : this.unknown.at(-1)!);
    }
    this.states = states;
  }

  private opened({ key, row }: State, identity: string, { at, events }: PlacedMoment): OracleVersion {
    const own = at.changes.findLast((change) => isChangeOf(change, this.table, identity));
    if (!own) throw new Misplaced(`Transaction ${at.txId} has no change of ${this.table.table} ${key.join('/')}.`);
    return {
      ...{ key: JSON.stringify(key), row: row!, position: own.position },
      ...{ opened_tx: at.first, valid_from: at.effectiveAt, closed_tx: null, valid_to: null },
      ...originOf(`${this.table.table}:${key.join('/')}`, at.txId === '0' ? [] : events),
    };
  }
}

export const keyOf = (table: Table, row: Row): string[] => table.key.map((name) => row[name]!);

const isChangeOf = (change: PlacedChange, table: Table, identity: string): boolean =>
  change.table === table.table &&
  change.key !== null &&
  identityOf(table, JSON.parse(change.key) as string[]) === identity;

/** A key is what its texts mean; one of which a text means nothing stands for itself. */
export function identityOf(table: Table, key: readonly string[]): string {
  const means = key.map((text, i) => meaning(text, columnOf(table, table.key[i]!).type));
  return JSON.stringify(means.includes(undefined) ? ['stray', key] : means);
}

const columnOf = ({ columns }: Table, name: string): Column => columns.find((column) => column.name === name)!;

function stateOf(table: Table, row: Row): State {
  const key = keyOf(table, row);
  const texts = table.columns.map(({ name }) => row[name] ?? null);
  const values = table.columns.map(({ type }, i) => (texts[i] === null ? null : meaning(texts[i]!, type)));
  if (!values.includes(undefined)) {
    const known = Object.fromEntries(table.columns.map(({ name }, i) => [name, values[i]!]));
    return { key, row: known, text: JSON.stringify(known) };
  }
  const state = texts.filter((_, i) => !table.key.includes(table.columns[i]!.name));
  return { key, row: null, text: JSON.stringify(state) };
}

/** The row's own event says who; else the transaction's events, if they agree. */
function originOf(stream: string, events: Moment['events']) {
  const origins = events.map(({ metadata }) => {
    const { actor, command, correlation_id } = JSON.parse(metadata) as Record<string, unknown>;
    const [by, what, course] = [actor, command, correlation_id].map((one) => (typeof one === 'string' ? one : null));
    return { actor: by!, command: what!, course: course! };
  });
  const own = origins[events.findLastIndex(({ stream_id }) => stream_id === stream)];
  const agreed = new Set(origins.map((origin) => JSON.stringify(origin))).size === 1 ? origins[0]! : null;
  const { actor, command } = own ?? agreed ?? { actor: null, command: null };
  return { actor, command };
}
