/** Rows of the changelog as typed changes, in plain code. */
import { DuckDBDateValue, DuckDBDecimalValue, DuckDBTimestampTZValue, type DuckDBValue } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { isReserved, isReservedJson } from './joined-texts.js';
import { plainTyping, type Typing } from './plain-typing.js';
import type { SeenColumns } from './seen-columns.js';

/** A row of the changelog. */
export interface ChangeRow {
  readonly position: bigint;
  readonly txPosition: bigint;
  /** Microseconds since 1970. */
  readonly effectiveAt: bigint;
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

export class ChangeTyping {
  private readonly typings: readonly Typing[];
  /** Of each column, which part of the key it is; -1: none. */
  private readonly keyPart: readonly number[];
  /** Which columns the key's are, and which the state's. */
  private readonly ofKey: readonly number[];
  private readonly ofState: readonly number[];

  constructor(
    private readonly table: Table,
    private readonly columns: SeenColumns,
  ) {
    this.typings = table.columns.map(({ type }) => plainTyping(type));
    this.keyPart = table.columns.map(({ name }) => table.key.indexOf(name));
    const all = [...table.columns.keys()];
    this.ofKey = all.filter((column) => this.keyPart[column] !== -1);
    this.ofState = all.filter((column) => this.keyPart[column] === -1);
  }

  /**
   * null for what plain code does not know, and so for a truncate, which has no key. The changes come in their order.
   */
  changeOf(row: ChangeRow): TypedChange | null {
    const absent = row.op === 'd';
    if (row.key === null || (!absent && row.after === null) || hasReserved(row)) return null;
    const keyTexts = JSON.parse(row.key) as string[];
    if (keyTexts.length !== this.table.key.length) return null;
    const after = absent ? {} : (JSON.parse(row.after!) as Record<string, string | null>);
    const [values, texts]: [DuckDBValue[], (string | null)[]] = [[], []];
    for (let i = 0; i < this.typings.length; i++) {
      const part = this.keyPart[i]!;
      const given = part >= 0 ? keyTexts[part] : after[this.table.columns[i]!.name];
      const text = typeof given === 'string' ? given : null; // what is not there may be a method of all objects
      const value = text === null ? null : this.typings[i]!(text);
      if (value === null && (text !== null || part >= 0)) return null;
      values.push(value);
      texts.push(text);
    }
    if (!absent && this.lacksColumn(Number(row.position), after)) return null;
    return { of: row, identity: this.identityOf(values), absent, values, texts };
  }

  identityOf(values: Values): string {
    return exactText(values, this.ofKey);
  }

  /** A text that is equal exactly where the states are. */
  stateOf(values: Values): string {
    return exactText(values, this.ofState);
  }

  private lacksColumn(position: number, after: Readonly<Record<string, string | null>>): boolean {
    this.columns.see(position, after);
    return this.columns.lackedBy(position, after) !== null;
  }
}

const hasReserved = ({ key, after, actor, command }: ChangeRow): boolean =>
  isReservedJson(key) || isReservedJson(after) || isReserved(actor) || isReserved(command);

const exactText = (values: Values, columns: readonly number[]): string =>
  JSON.stringify(columns.map((column) => exact(values[column]!)));

/** A form that is equal exactly where DuckDB's values of one type are: no decimal becomes a float, no instant a Date. */
function exact(value: DuckDBValue): unknown {
  if (value instanceof DuckDBDecimalValue) return String(value.value);
  if (value instanceof DuckDBTimestampTZValue) return String(value.micros);
  if (value instanceof DuckDBDateValue) return value.days;
  return typeof value === 'bigint' ? String(value) : value;
}
