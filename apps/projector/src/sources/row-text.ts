/**
 * Rows and keys as JSON text, letter by letter what JSON.stringify writes, straight from the bytes of a message: a string
 * for each value and an object around them take four times as long, and are thrown away.
 */
import type { RowText } from '#libs/change-event';
import type { Tuple } from '#libs/postgres-replication';

const code = (character: string): number => character.charCodeAt(0);
const [QUOTE, BACKSLASH, SPACE] = [code('"'), code('\\'), code(' ')];

/** What stands for a byte that cannot stand in a JSON string itself. */
const escapes: readonly Uint8Array[] = Array.from({ length: BACKSLASH + 1 }, (_, byte) =>
  Buffer.from(JSON.stringify(String.fromCharCode(byte)).slice(1, -1)),
);
const LONGEST_ESCAPE = 6;

/** Bytes of a row above which native code is the faster way, over strings. */
const LONG = 8192;

const between = Buffer.from(',');
const nothing = Buffer.from('null');

/** What stands before a column's value in a row. */
export const fieldName = (column: string): Uint8Array => Buffer.from(`,${JSON.stringify(column)}:`);

export class RowTextWriter {
  private bytes = Buffer.allocUnsafe(0);
  private length = 0;
  /** Of all bytes: below 128 the text is ASCII, which is read several times as fast. */
  private bits = 0;

  /** An object of the values in some columns; `names` are the fields' of all columns. */
  row(tuple: Tuple, columns: readonly number[], names: readonly Uint8Array[]): RowText {
    return this.write(tuple, columns, names, '{}');
  }

  /** An array of the values in some columns. */
  key(tuple: Tuple, columns: readonly number[]): string {
    return this.write(tuple, columns, null, '[]');
  }

  private write(tuple: Tuple, columns: readonly number[], names: readonly Uint8Array[] | null, around: string): string {
    if (tuple.size > LONG) return longText(tuple, columns, names, around);
    let longest = LONGEST_ESCAPE * tuple.size + 2;
    for (let i = 0; i < columns.length; i++) longest += (names ? names[columns[i]!]! : between).length + nothing.length;
    if (longest > this.bytes.length) this.bytes = Buffer.allocUnsafe(2 * longest);
    this.length = 0;
    this.bits = 0;
    for (let i = 0; i < columns.length; i++) {
      const column = columns[i]!;
      this.raw(names ? names[column]! : between);
      if (tuple.isNull(column)) this.raw(nothing);
      else this.string(tuple.bytes, tuple.start(column), tuple.end(column));
    }
    this.bytes[0] = around.charCodeAt(0); // over the first comma
    const length = Math.max(this.length, 1);
    this.bytes[length] = around.charCodeAt(1);
    return this.bytes.toString(this.bits < 128 ? 'latin1' : 'utf8', 0, length + 1);
  }

  private raw(part: Uint8Array): void {
    const { bytes } = this;
    let length = this.length;
    let bits = this.bits;
    for (let at = 0; at < part.length; at++) {
      const byte = part[at]!;
      bits |= byte;
      bytes[length++] = byte;
    }
    this.length = length;
    this.bits = bits;
  }

  private string(source: Uint8Array, start: number, end: number): void {
    const { bytes } = this;
    let length = this.length;
    let bits = this.bits;
    bytes[length++] = QUOTE;
    for (let at = start; at < end; at++) {
      const byte = source[at]!;
      bits |= byte;
      if (byte >= SPACE && byte !== QUOTE && byte !== BACKSLASH) bytes[length++] = byte;
      else {
        const escape = escapes[byte]!;
        for (let i = 0; i < escape.length; i++) bytes[length++] = escape[i]!;
      }
    }
    bytes[length++] = QUOTE;
    this.length = length;
    this.bits = bits;
  }
}

function longText(tuple: Tuple, columns: readonly number[], names: readonly Uint8Array[] | null, around: string) {
  const fields = columns.map((column) => {
    const name = names ? Buffer.from(names[column]!).toString('utf8', 1) : '';
    return name + JSON.stringify(tuple.text(column));
  });
  return `${around[0]}${fields.join(',')}${around[1]}`;
}
