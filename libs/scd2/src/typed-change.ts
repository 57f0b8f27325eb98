/** Rows of the changelog as typed changes, in plain code. */
import { DuckDBDateValue, DuckDBDecimalValue, DuckDBTimestampTZValue, type DuckDBValue } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { plainTyping, type Typing } from './plain-typing.js';
import type { SeenColumns } from './seen-columns.js';

/** A row of the changelog. */
export interface ChangeRow {
  readonly position: bigint;
  readonly txPosition: bigint;
  readonly effectiveAt: DuckDBValue;
  readonly op: string;
  /** JSON of texts, as the changelog has it. */
  readonly key: string | null;
  readonly after: string | null;
  readonly actor: string | null;
  readonly command: string | null;
}

/** Values of business columns, in catalog order. */
export type Values = readonly DuckDBValue[];

export interface TypedChange {
  readonly of: ChangeRow;
  /** Equal exactly where the typed keys are. */
  readonly identity: string;
  /** Whether the key is gone. */
  readonly absent: boolean;
  readonly values: Values;
  /** What the values were typed from; null where they are. */
  readonly texts: readonly (string | null)[];
}

/** What stands between texts where many are handed to DuckDB as one, and what for null. */
export const [textSeparator, nullText] = ['\u0001', '\u0002'];

/** A text with one of them. No text of Postgres has one that a person has entered. */
const separates = /\\u000[12]/;

export class ChangeTyping {
  private readonly typings: readonly Typing[];
  /** Of each column, which part of the key it is; -1: none. */
  private readonly keyPart: readonly number[];

  constructor(
    private readonly table: Table,
    private readonly columns: SeenColumns,
  ) {
    this.typings = table.columns.map(({ type }) => plainTyping(type));
    this.keyPart = table.columns.map(({ name }) => table.key.indexOf(name));
  }

  /**
   * null for what plain code does not know, and so for a truncate, which has no key. The changes come in their order.
   */
  changeOf(row: ChangeRow): TypedChange | null {
    const { key, columns } = this.table;
    const absent = row.op === 'd';
    if (row.key === null || separates.test(row.key)) return null;
    if (!absent && (row.after === null || separates.test(row.after))) return null;
    const keyTexts = JSON.parse(row.key) as string[];
    if (keyTexts.length !== key.length) return null;
    const after = absent ? {} : (JSON.parse(row.after!) as Record<string, string | null>);
    if (!absent && this.lacksColumn(Number(row.position), after)) return null;
    const [values, texts]: [DuckDBValue[], (string | null)[]] = [[], []];
    for (const [i, { name }] of columns.entries()) {
      const part = this.keyPart[i]!;
      const text = part >= 0 ? keyTexts[part]! : Object.hasOwn(after, name) ? after[name]! : null;
      const value = text === null ? null : this.typings[i]!(text);
      if (value === null && (text !== null || part >= 0)) return null;
      values.push(value);
      texts.push(text);
    }
    return { of: row, identity: this.identityOf(values), absent, values, texts };
  }

  identityOf(values: Values): string {
    return exactText(values.filter((_, i) => this.keyPart[i] !== -1));
  }

  /** A text that is equal exactly where the states are. */
  stateOf(values: Values): string {
    return exactText(values.filter((_, i) => this.keyPart[i] === -1));
  }

  private lacksColumn(position: number, after: Readonly<Record<string, string | null>>): boolean {
    this.columns.see(position, after);
    return this.columns.lackedBy(position, after) !== null;
  }
}

const exactText = (values: Values): string => JSON.stringify(values.map(exact));

/** A form that is equal exactly where DuckDB's values of one type are: no decimal becomes a float, no instant a Date. */
function exact(value: DuckDBValue): unknown {
  if (value instanceof DuckDBDecimalValue) return String(value.value);
  if (value instanceof DuckDBTimestampTZValue) return String(value.micros);
  if (value instanceof DuckDBDateValue) return value.days;
  return typeof value === 'bigint' ? String(value) : value;
}
