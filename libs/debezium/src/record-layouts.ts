import { RowLayout, type RowTexts, type TableTypes } from './row-layout.js';
import type { RowRecord, TopicRecord } from './record.js';

/** A row whose images are canonical texts already. */
export interface TextRecord extends Omit<RowRecord, 'type' | 'before' | 'after'> {
  readonly type: 'texts';
  readonly texts: RowTexts;
}

/** Characters above which JSON.parse is as fast, and a regular expression may run out of its stack. */
const longest = 1 << 16;

/** Below 2^53. */
const number = String.raw`([1-8]?\d{1,15})`;
const snapshots = 'false|first|first_in_data_collection|true|last_in_data_collection|last';
/**
 * What follows a record's rows, up to its end. A quote that is not escaped begins or ends a string, so none of these
 * fields can stand inside of a value.
 */
const rest = new RegExp(
  String.raw`,"source":\{[^{}]*?"snapshot":"(${snapshots})",[^{}]*?"ts_us":${number},[^{}]*?"schema":"public",` +
    String.raw`"table":"([^"\\]*)","txId":(\d{1,15}|null),"lsn":${number},[^{}]*\},` +
    String.raw`"transaction":(?:null|\{[^{}]*\}),"op":"([cudr])",[^{}]*\}$`,
  'y',
);

/** How the rows of tables came last: what is read by that needs no JSON.parse. */
export class RecordLayouts {
  private readonly tables = new Map<string, RowLayout>();

  /** `names`: of all columns of a captured table, as a row had them. */
  see(table: string, names: readonly string[], types: TableTypes): void {
    const known = this.tables.get(table)?.names;
    if (known?.length === names.length && names.every((name, i) => name === known[i])) return;
    if (names.length > 0 && names.every((name) => types.types[name] !== undefined))
      this.tables.set(table, new RowLayout(names, types));
  }

  /** null where it is no row of a table that was seen, or is not written in just that way: `decodeRecord` reads it. */
  read({ key, value }: TopicRecord): TextRecord | null {
    const end = value === null || value.length > longest ? -1 : value.lastIndexOf(',"source":{');
    if (end < 0) return null;
    rest.lastIndex = end;
    const found = rest.exec(value!);
    const layout = found && this.tables.get(found[3]!);
    if (!layout) return null;
    const [, mark, committedAt, table, txId, lsn, op] = found as unknown as [string, ...string[]];
    const snapshot = mark === 'false' ? null : mark === 'first' ? 'first' : 'more';
    const texts = txId === 'null' && snapshot === null ? null : layout.read(value!, end, op === 'r');
    if (!texts || !hasImages(op!, texts)) return null;
    return {
      ...{ type: 'texts', snapshot, xid: txId!, lsn: Number(lsn), committedAt: BigInt(committedAt!) },
      ...{ schema: 'public', table: table!, op: op as RowRecord['op'], key, texts },
    };
  }
}

/** As Connect sends them: of an insert the row as it is, of a delete the row as it was. */
function hasImages(op: string, { before, after }: RowTexts): boolean {
  if (op === 'd') return before !== null && after === null;
  return after !== null && (op === 'u' || before === null);
}
