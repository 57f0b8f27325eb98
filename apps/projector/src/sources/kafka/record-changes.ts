/** What Debezium says of a row, as canonical changes: the same that the slot's adapter makes of it. */
import type { Row } from '#libs/change-event';
import {
  AmbiguousValue,
  canonicalText,
  decodeRecord,
  isTold,
  isUnavailable,
  RecordLayouts,
  toldAlike,
  type DebeziumRecord,
  type JsonRow,
  type JsonValue,
  type RowRecord,
  type SourceMessage,
  type TextRecord,
  type TopicRecord,
} from '#libs/debezium';
import { rowKey, UnchangedValueUnknown, type Change, type Keys } from '../row-changes.js';

type Types = Pick<SourceMessage, 'columns' | 'enums'>;

/** A captured column has a type of which Debezium does not tell one value from another. */
export class ColumnsUntold extends Error {
  readonly code = 'columns-untold';
  constructor(readonly columns: readonly string[]) {
    super(
      `Debezium does not tell every value of ${columns.join(', ')} from others. ` +
        'Make it a text, or take the table out of the catalog; then resnapshot. CHANGE_SOURCE=postgres reads every type.',
    );
    this.name = 'ColumnsUntold';
  }
}

/** A value that Debezium sent may as well be another one. */
export class ValueUntold extends Error {
  readonly code = 'value-untold';
  constructor(
    readonly table: string,
    readonly column: string,
    key: string,
    cause: AmbiguousValue,
  ) {
    super(
      `Column ${column} of ${table} cannot be read, at ${key}. ${cause.message} ` +
        'Change the value or the column’s type, then resnapshot. CHANGE_SOURCE=postgres reads it.',
      { cause },
    );
    this.name = 'ValueUntold';
  }
}

export class RecordChanges {
  private columns: Types['columns'] = {};
  private enums: ReadonlySet<string> = new Set();
  private layouts = new RecordLayouts();
  /** What was learned last, as text. */
  private learned = '';
  /** Captured columns in which a rare value comes like another one without a sign, and which value. */
  alike: readonly string[] = [];

  /** `events` is the table whose old rows are not written to the log: of them Debezium makes up all but the key. */
  constructor(
    private readonly keys: Keys,
    private readonly events: string | undefined,
  ) {}

  /** @throws ColumnsUntold */
  learn({ columns, enums }: Types): void {
    const learned = JSON.stringify([columns, enums]);
    if (learned === this.learned) return;
    this.columns = columns;
    this.enums = new Set(enums);
    this.layouts = new RecordLayouts();
    const captured = [...this.keys.keys()].flatMap((table) =>
      Object.entries(columns[table] ?? {}).map(([column, type]) => ({ name: `${table}.${column}`, type })),
    );
    const untold = captured.filter(({ type }) => !isTold(type, this.enums));
    if (untold.length > 0) throw new ColumnsUntold(untold.map(({ name, type }) => `${name} (${type})`));
    this.alike = captured.flatMap(({ name, type }) => {
      const which = toldAlike(type);
      return which ? `${name} (${which})` : [];
    });
    this.learned = learned;
  }

  /** Rows as texts, where the way in which they are written is known already. @throws UnreadableRecord */
  read(one: TopicRecord): DebeziumRecord | TextRecord {
    const record = this.layouts.read(one);
    const isPartly = record?.table === this.events && record?.texts.before != null;
    return record && !isPartly ? record : decodeRecord(one);
  }

  isCaptured({ schema, table }: Pick<RowRecord, 'schema' | 'table'>): boolean {
    return schema === 'public' && this.keys.has(table);
  }

  /** Whether the types of all of its columns are known: a column may be younger than the last message. */
  knows({ table, before, after }: RowRecord): boolean {
    const types = this.columns[table];
    return Object.keys(after ?? before ?? {}).every((column) => types?.[column] !== undefined);
  }

  /** @throws UnchangedValueUnknown, KeyIncomplete, ValueUntold */
  changeOf(record: RowRecord | TextRecord): Change {
    const { table, op } = record;
    if (record.type === 'texts') return { table, op, ...record.texts };
    const { before, after } = record;
    if (op === 't') return { table, op, key: null, before: null, after: null };
    const jdbc = op === 'r';
    const now = after && this.rowOf(table, after, before, jdbc);
    const then = before && this.rowOf(table, table === this.events ? this.keyOf(table, before) : before, null, jdbc);
    const key = rowKey(table, this.keys.get(table)!, (now ?? then)!);
    this.see(table, Object.keys((after ?? before)!));
    return { table, op, key, before: then && JSON.stringify(then), after: now && JSON.stringify(now) };
  }

  private see(table: string, names: readonly string[]): void {
    const { columns, enums, keys } = this;
    this.layouts.see(table, names, { key: keys.get(table)!, types: columns[table] ?? {}, enums });
  }

  private keyOf(table: string, row: JsonRow): JsonRow {
    return Object.fromEntries(this.keys.get(table)!.map((column) => [column, row[column]!]));
  }

  private rowOf(table: string, row: JsonRow, before: JsonRow | null, jdbc: boolean): Row {
    const types = this.columns[table] ?? {};
    const texts: Record<string, string | null> = {};
    for (const [column, value] of Object.entries(row)) {
      const known = isUnavailable(value) ? before?.[column] : value;
      if (known === undefined || isUnavailable(known)) throw new UnchangedValueUnknown(table, column);
      texts[column] = this.textOf(known, { table, column, type: types[column] ?? 'text', row }, jdbc);
    }
    return texts;
  }

  private textOf(value: JsonValue, place: Place, jdbc: boolean): string | null {
    try {
      return canonicalText(value, place.type, { enums: this.enums, jdbc });
    } catch (error) {
      if (!(error instanceof AmbiguousValue)) throw error;
      const { table, column, row } = place;
      throw new ValueUntold(table, column, JSON.stringify(this.keyOf(table, row)), error);
    }
  }
}

interface Place {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  readonly row: JsonRow;
}
