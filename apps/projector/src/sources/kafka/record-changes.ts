/** What Debezium says of a row, as canonical changes: the same that the slot's adapter makes of it. */
import type { Row } from '#libs/change-event';
import {
  canonicalText,
  unavailableValue,
  type JsonRow,
  type JsonValue,
  type RowRecord,
  type SourceMessage,
} from '#libs/debezium';
import { rowKey, UnchangedValueUnknown, type Change, type Keys } from '../row-changes.js';

type Types = Pick<SourceMessage, 'columns' | 'enums'>;

export class RecordChanges {
  private columns: Types['columns'] = {};
  private enums: ReadonlySet<string> = new Set();

  /** `events` is the table whose old rows are not written to the log: of them Debezium makes up all but the key. */
  constructor(
    private readonly keys: Keys,
    private readonly events: string | undefined,
  ) {}

  learn({ columns, enums }: Types): void {
    this.columns = columns;
    this.enums = new Set(enums);
  }

  isCaptured({ schema, table }: Pick<RowRecord, 'schema' | 'table'>): boolean {
    return schema === 'public' && this.keys.has(table);
  }

  /** Whether the types of all of its columns are known: a column may be younger than the last message. */
  knows({ table, before, after }: RowRecord): boolean {
    const types = this.columns[table];
    return Object.keys(after ?? before ?? {}).every((column) => types?.[column] !== undefined);
  }

  /** @throws UnchangedValueUnknown, KeyIncomplete */
  changeOf({ table, op, before, after }: RowRecord): Change {
    if (op === 't') return { table, op, key: null, before: null, after: null };
    const now = after && this.rowOf(table, after, before);
    const then = before && this.rowOf(table, table === this.events ? this.keyOf(table, before) : before, null);
    const key = rowKey(table, this.keys.get(table)!, (now ?? then)!);
    return { table, op, key, before: then && JSON.stringify(then), after: now && JSON.stringify(now) };
  }

  private keyOf(table: string, row: JsonRow): JsonRow {
    return Object.fromEntries(this.keys.get(table)!.map((column) => [column, row[column]!]));
  }

  private rowOf(table: string, row: JsonRow, before: JsonRow | null): Row {
    const types = this.columns[table] ?? {};
    const texts: Record<string, string | null> = {};
    for (const [column, value] of Object.entries(row)) {
      const known = isUnavailable(value) ? before?.[column] : value;
      if (known === undefined || isUnavailable(known)) throw new UnchangedValueUnknown(table, column);
      texts[column] = canonicalText(known, types[column] ?? 'text', this.enums);
    }
    return texts;
  }
}

const inHex = Buffer.from(unavailableValue).toString('hex');
const isUnavailable = (value: JsonValue | undefined): boolean => value === unavailableValue || value === inHex;
