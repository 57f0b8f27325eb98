/** Values as Parquet's plain encoding has them, little end first. */

/** An integer may be a bigint below 0; a number is from 0 to 2^53. A column has values of one of these types. */
export type Value = string | number | bigint;

export interface PlainValues {
  /** One after the other. */
  readonly bytes: Buffer;
  /** Where each of them ends. */
  readonly ends: readonly number[];
}

export const integerBytes = 8;

export function writeInteger(bytes: Buffer, value: number | bigint, at: number): void {
  if (typeof value === 'bigint') {
    bytes.writeBigInt64LE(value, at);
    return;
  }
  bytes.writeUInt32LE(value % 2 ** 32, at);
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
}

export function bytesOfInteger(value: number | bigint): Buffer {
  const bytes = Buffer.alloc(integerBytes);
  writeInteger(bytes, value, 0);
  return bytes;
}

export function plainValues(values: readonly Value[]): PlainValues {
  const sizes = values.map((value) => (typeof value === 'string' ? 4 + Buffer.byteLength(value) : integerBytes));
  let end = 0;
  const ends = sizes.map((size) => (end += size));
  const bytes = Buffer.allocUnsafe(end);
  for (const [i, value] of values.entries()) {
    const at = ends[i - 1] ?? 0;
    if (typeof value !== 'string') writeInteger(bytes, value, at);
    else {
      bytes.writeUInt32LE(sizes[i]! - 4, at);
      bytes.write(value, at + 4);
    }
  }
  return { bytes, ends };
}
