/** What the lake must say, from what the source was after each transaction: the laws of versions as a plain replay. */
import type { Table } from '#libs/catalog';
import { surrogateKey } from '#libs/catalog';
import type { PlacedTransaction } from './lake-files.js';
import type { AsOf, Row } from './query-client.js';
import type { Moment } from './source.js';

/** A moment with the place of its transaction; of one that changed nothing captured, the place of the one before. */
export interface PlacedMoment extends Moment {
  readonly at: PlacedTransaction;
  readonly captured: boolean;
}

/** Versions of one key as the API shows them once all is over, oldest first. */
export interface ExpectedKey {
  /** Key of the source, in its texts. */
  readonly key: readonly string[];
  /** The parts of its path. */
  readonly path: string;
  readonly versions: readonly Row[];
  /** [from, to) in first positions of transactions: while its state could not be typed. */
  readonly unknown: readonly (readonly [number, number | null])[];
}

export function place(moments: readonly Moment[], transactions: readonly PlacedTransaction[]): PlacedMoment[] {
  const placed: PlacedMoment[] = [];
  for (const moment of moments) {
    const own = transactions.find(({ tx_id }) => tx_id === moment.txId);
    placed.push({ ...moment, at: own ?? placed.at(-1)!.at, captured: own !== undefined });
  }
  return placed;
}

export const asOf = ({ at }: PlacedMoment): AsOf => ({ position: at.last, time: at.effective_at, final: true });

export function expectedKeys(table: Table, moments: readonly PlacedMoment[]): ExpectedKey[] {
  const keys = new Map<string, KeyReplay>();
  for (const moment of moments) {
    const states = new Map(moment.tables[table.table]!.map((state) => [JSON.stringify(state.key), state]));
    for (const [key, state] of states) if (!keys.has(key)) keys.set(key, new KeyReplay(table, state.key, state.row));
    for (const [key, replay] of keys) {
      const state = states.get(key);
      replay.apply(moment.at, !state ? null : state.unknown ? 'unknown' : state.row);
    }
  }
  return [...keys.values()];
}

/** A version as it looks at a cut: an end that came later is not there yet. */
export const seenAt = (version: Row, position: number): Row =>
  version['closed_tx'] === null || (version['closed_tx'] as number) <= position
    ? version
    : { ...version, valid_to: null, closed_tx: null, is_current: true };

export const inForce = (version: Row, position: number): boolean =>
  (version['opened_tx'] as number) <= position &&
  (version['closed_tx'] === null || (version['closed_tx'] as number) > position);

class KeyReplay implements ExpectedKey {
  readonly path: string;
  readonly versions: Row[] = [];
  readonly unknown: [number, number | null][] = [];
  private state: Row | 'unknown' | null = null;

  constructor(
    private readonly table: Table,
    readonly key: readonly string[],
    row: Row,
  ) {
    this.path = table.key.map((name) => encodeURIComponent(String(row[name]))).join('/');
  }

  apply(at: PlacedTransaction, state: Row | 'unknown' | null): void {
    if (JSON.stringify(state) === JSON.stringify(this.state)) return;
    this.close(at);
    this.state = state;
    if (state === 'unknown') this.unknown.push([at.first, null]);
    else if (state) this.versions.push(this.opened(at, state));
  }

  private close({ first, effective_at }: PlacedTransaction): void {
    if (this.state === 'unknown') this.unknown.at(-1)![1] = first;
    else if (this.state)
      this.versions.push({ ...this.versions.pop()!, valid_to: effective_at, closed_tx: first, is_current: false });
  }

  private opened({ first, effective_at, changes }: PlacedTransaction, row: Row): Row {
    return {
      [surrogateKey(this.table)]: changes[JSON.stringify([this.table.table, JSON.stringify(this.key)])] ?? null,
      ...row,
      valid_from: effective_at,
      valid_to: null,
      opened_tx: first,
      closed_tx: null,
      actor: null,
      command: null,
      is_current: true,
    };
  }
}
