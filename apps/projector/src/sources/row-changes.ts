/**
 * What pgoutput says of a row, as canonical changes. Keys are built from the catalog: with REPLICA IDENTITY FULL pgoutput
 * flags every column as part of the key.
 */
import type { ChangeEvent, Row } from '#libs/change-event';
import { unchanged, type Message, type OldRow, type Relation, type Value } from '#libs/postgres-replication';

export type Change = Omit<ChangeEvent, 'ordinal'>;
type RowMessage = Extract<Message, { type: 'insert' | 'update' | 'delete' | 'truncate' }>;

/** An update left a large value as it was, and the source says neither the new value nor the old one. */
export class UnchangedValueUnknown extends Error {
  readonly code = 'unchanged-value-unknown';
  constructor(
    readonly table: string,
    readonly column: string,
  ) {
    super(
      `An update of ${table} left ${column} as it was, and the log does not say what that is. ` +
        `ALTER TABLE ${table} REPLICA IDENTITY FULL, then resnapshot.`,
    );
    this.name = 'UnchangedValueUnknown';
  }
}

/** A row without a value in a column of its key. */
export class KeyIncomplete extends Error {
  readonly code = 'key-incomplete';
  constructor(
    readonly table: string,
    readonly column: string,
  ) {
    super(`A change of ${table} has no value for key column ${column}. The catalog's key must be the primary key.`);
    this.name = 'KeyIncomplete';
  }
}

/** Table → names of its key columns, as `capturedTables` of a catalog. */
export type Keys = ReadonlyMap<string, readonly string[]>;

/** Two for a changed key, one for each table that was truncated. @throws UnchangedValueUnknown, KeyIncomplete */
export function changesOf(message: RowMessage, keys: Keys): Change[] {
  if (message.type === 'truncate') return message.relations.map(({ name }) => ({ table: name, op: 't', key: null }));
  const table = message.relation.name;
  const keyOf = (row: Row) => rowKey(table, keys.get(table)!, row);
  if (message.type === 'insert') {
    const after = rowOf(message.relation, message.row);
    return [{ table, op: 'c', key: keyOf(after), after }];
  }
  if (message.type === 'delete') {
    const before = oldRow(message.relation, message.old);
    return [{ table, op: 'd', key: keyOf(before), before }];
  }
  const after = rowOf(message.relation, message.row, message.old);
  const key = keyOf(after);
  if (!message.old) return [{ table, op: 'u', key, after }];
  const before = oldRow(message.relation, message.old);
  const oldKey = keyOf(before);
  if (oldKey === key) return [{ table, op: 'u', key, before, after }];
  return [
    { table, op: 'd', key: oldKey, before },
    { table, op: 'c', key, after },
  ];
}

export function rowKey(table: string, columns: readonly string[], row: Row): string {
  const parts = columns.map((column) => {
    const part = row[column];
    if (part == null) throw new KeyIncomplete(table, column);
    return part;
  });
  return JSON.stringify(parts);
}

function rowOf(relation: Relation, values: readonly Value[], old?: OldRow): Row {
  const row: Record<string, string | null> = {};
  for (let i = 0; i < values.length; i++) {
    const name = relation.columns[i]!;
    const value = values[i]!;
    row[name] = value === unchanged ? oldValue(relation, i, old) : value;
  }
  return row;
}

function oldValue(relation: Relation, at: number, old?: OldRow): string | null {
  const value = old?.whole || (old && relation.identity.includes(at)) ? old.values[at]! : unchanged;
  if (value === unchanged) throw new UnchangedValueUnknown(relation.name, relation.columns[at]!);
  return value;
}

/** Of an old row that is not whole, the key alone: its other values were not sent, which is not NULL. */
function oldRow(relation: Relation, old: OldRow): Row {
  if (old.whole) return rowOf(relation, old.values);
  return Object.fromEntries(relation.identity.map((at) => [relation.columns[at]!, oldValue(relation, at, old)]));
}
