/**
 * What pgoutput says of a row, as canonical changes. Keys are built from the catalog: with REPLICA IDENTITY FULL pgoutput
 * flags every column as part of the key.
 */
import type { ChangeEvent, Row, RowText } from '#libs/change-event';
import type { Message, OldRow, Relation, Tuple } from '#libs/postgres-replication';
import { fieldName, RowTextWriter } from './row-text.js';

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

/** A relation as it is read: its fields' names in JSON, all of its columns, and those of the catalog's key. */
interface Captured {
  readonly names: readonly Uint8Array[];
  readonly all: readonly number[];
  readonly key: readonly number[];
}

/** Reads a stream's messages, each before the next is decoded. */
export class RowChanges {
  private readonly text = new RowTextWriter();
  private readonly captured = new WeakMap<Relation, Captured>();

  constructor(private readonly keys: Keys) {}

  /** Two for a changed key, one for each table that was truncated. @throws UnchangedValueUnknown, KeyIncomplete */
  of(message: RowMessage): Change[] {
    if (message.type === 'truncate')
      return message.relations.map(({ name }) => ({ table: name, op: 't', key: null, before: null, after: null }));
    const { relation } = message;
    const table = relation.name;
    const captured = this.capturedOf(relation);
    const old = message.type === 'insert' ? undefined : message.old;
    const before = old ? this.oldRow(relation, captured, old) : null;
    const oldKey = old ? this.key(relation, captured, old.row) : null;
    if (message.type === 'delete') return [{ table, op: 'd', key: oldKey, before, after: null }];
    const { row } = message;
    if (row.hasUnchanged) fillIn(relation, row, old);
    const key = this.key(relation, captured, row);
    const after = this.text.row(row, captured.all, captured.names);
    if (message.type === 'insert') return [{ table, op: 'c', key, before, after }];
    if (oldKey === null || oldKey === key) return [{ table, op: 'u', key, before, after }];
    return [
      { table, op: 'd', key: oldKey, before, after: null },
      { table, op: 'c', key, before: null, after },
    ];
  }

  /** Of an old row that is not whole, the key alone: its other values were not sent, which is not NULL. */
  private oldRow(relation: Relation, { all, names }: Captured, { whole, row }: OldRow): RowText {
    if (row.hasUnchanged) fillIn(relation, row);
    return this.text.row(row, whole ? all : relation.identity, names);
  }

  private key(relation: Relation, { key }: Captured, row: Tuple): string {
    const missing = key.findIndex((column) => column < 0 || row.isNull(column));
    if (missing >= 0) throw new KeyIncomplete(relation.name, this.keys.get(relation.name)![missing]!);
    return this.text.key(row, key);
  }

  private capturedOf(relation: Relation): Captured {
    let captured = this.captured.get(relation);
    if (!captured) {
      const { columns, name } = relation;
      const key = this.keys.get(name)!.map((column) => columns.indexOf(column));
      captured = { names: columns.map(fieldName), all: columns.map((_, i) => i), key };
      this.captured.set(relation, captured);
    }
    return captured;
  }
}

/** The values that an update left as they were are those of the old row. */
function fillIn(relation: Relation, row: Tuple, old?: OldRow): void {
  relation.columns.forEach((name, column) => {
    if (!row.isUnchanged(column)) return;
    const knows = old && (old.whole || relation.identity.includes(column)) && !old.row.isUnchanged(column);
    if (!knows) throw new UnchangedValueUnknown(relation.name, name);
    row.inherit(column, old.row);
  });
}

export function rowKey(table: string, columns: readonly string[], row: Row): string {
  const parts = columns.map((column) => {
    const part = row[column];
    if (part == null) throw new KeyIncomplete(table, column);
    return part;
  });
  return JSON.stringify(parts);
}
