import type { Table } from '#libs/catalog';
import type { ConsistencyToken } from '#libs/consistency-token';
import type { Watermark } from '#libs/lake';
import type { Drift } from './catalog-drift.js';

/** One transaction-consistent state of the lake: everything up to `position`, of all tables at once. */
export interface Cut {
  readonly position: number;
  /** Microseconds since 1970, effective time of the last transaction; null in an empty lake. */
  readonly effectiveAt: bigint | null;
  /** null where the cut does not show all that it vouches for. */
  readonly watermark: Watermark | null;
}

/** A transaction's end. */
export interface Moment {
  readonly position: number;
  /** Microseconds since 1970. */
  readonly effectiveAt: bigint;
}

export type SqlValue = string | number | bigint | boolean | null;

/** Reads from one cut for as long as the work lasts. */
export interface ReadSession {
  readonly cut: Cut;
  /**
   * SQL texts of relations with a version's columns: the surrogate key, business columns, valid_from, valid_to, opened_tx,
   * closed_tx, actor, command, is_current. With the canonical texts of a key, rows of other keys may be left out: whoever
   * filters by the key is answered by an index. @throws CatalogDrift
   */
  current(table: Table, key?: readonly string[]): string;
  asOf(table: Table, position: number, key?: readonly string[]): string;
  versions(table: Table, key?: readonly string[]): string;
  /** The last transaction's end at or before (law 2); null before the first transaction. */
  cutAtPosition(position: number): Promise<Moment | null>;
  cutAtTime(microseconds: bigint): Promise<Moment | null>;
  /** Whether this key's state is unknown (law 9) at that cut's position. */
  quarantined(table: Table, keyTexts: readonly string[], position: number): Promise<boolean>;
  /**
   * `parameters` are bound to the `?` of the statement. Values come without loss: 64-bit integers as bigint, decimals and
   * dates as text, timestamps as bigint microseconds since 1970.
   */
  rows(sql: string, parameters?: readonly SqlValue[]): Promise<Record<string, SqlValue>[]>;
}

export interface TableFreshness {
  readonly table: string;
  readonly position: number;
  readonly ageSeconds: number;
  /** How the lake's catalog entry differs from this build's; null where it does not. */
  readonly drift: Drift | null;
}

/** How current the answers are. */
export interface Freshness {
  /** Last position that answers show. */
  readonly position: number;
  /** Microseconds since 1970; null in an empty lake. */
  readonly effectiveAt: bigint | null;
  /** Positions in the lake that answers do not show yet; null where it is not known. */
  readonly lagPositions: number | null;
  /** Seconds since the moment of the source up to which answers are complete; null before the first watermark. */
  readonly lagSeconds: number | null;
  /** By source table: the position that is folded, and the age of the oldest change that is not (0: none). */
  readonly folds: readonly TableFreshness[];
  readonly watermark: Watermark | null;
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason: Error | null;
  /** What fails now, even if it is ready still. */
  readonly failure: Error | null;
  /** Changes in memory for want of a fold. */
  readonly tailChanges: number;
}

/** Nest's token for the Reader. */
export const READER = Symbol('Reader');

/** The lake as this process knows it now. */
export interface Reader {
  /** @throws LakeUnavailable, of which QueryTimedOut, FileMissing and MemoryLimitReached are kinds */
  read<T>(work: (session: ReadSession) => Promise<T>): Promise<T>;
  /** Resolves true once the token's command is visible, false after the time-out. */
  waitFor(token: ConsistencyToken, milliseconds: number): Promise<boolean>;
  waitForPosition(position: number, milliseconds: number): Promise<boolean>;
  freshness(): Freshness;
}
