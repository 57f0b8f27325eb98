/** Thrift's compact protocol, as much of it as Parquet's headers and footers need: no integer in them is negative. */

export interface Encoded {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const [TRUE, I32, I64, BINARY, LIST, STRUCT] = [1, 5, 6, 8, 9, 12];

/** ULEB128, of integers up to 2^53. */
export function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  bytes.push(rest);
  return bytes;
}

const zigzag = (value: number): Uint8Array => Uint8Array.from(varint(2 * value));

export const i32 = (value: number): Encoded => ({ type: I32, bytes: zigzag(value) });
export const i64 = (value: number): Encoded => ({ type: I64, bytes: zigzag(value) });
export const yes: Encoded = { type: TRUE, bytes: new Uint8Array() };

export const binary = (value: Uint8Array | string): Encoded => {
  const bytes = Buffer.from(value);
  return { type: BINARY, bytes: Buffer.concat([Uint8Array.from(varint(bytes.length)), bytes]) };
};

/** Of elements of one type, and never of none. */
export function list(elements: readonly Encoded[]): Encoded {
  const [count, type] = [elements.length, elements[0]!.type];
  const head = count < 15 ? [count * 16 + type] : [0xf0 + type, ...varint(count)];
  return { type: LIST, bytes: Buffer.concat([Uint8Array.from(head), ...elements.map(({ bytes }) => bytes)]) };
}

/** Fields by their ids, which rise by less than 16. */
export function struct(fields: Readonly<Record<number, Encoded | undefined>>): Encoded {
  const parts: Uint8Array[] = [];
  let last = 0;
  for (const [id, field] of Object.entries(fields)) {
    if (!field) continue;
    parts.push(Uint8Array.of((Number(id) - last) * 16 + field.type), field.bytes);
    last = Number(id);
  }
  return { type: STRUCT, bytes: Buffer.concat([...parts, Uint8Array.of(0)]) };
}
