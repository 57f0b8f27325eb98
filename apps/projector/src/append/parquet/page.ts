/** Pages of a column, each of them compressed on its own and off this thread. */
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { binary, i32, i64, struct, type Encoded } from './thrift.js';

/** Numbers of the format (parquet.thrift). */
export const encoding = { plain: 0, runLengths: 3, dictionary: 8 } as const;
export const codec = { none: 0, zstd: 6 } as const;
const pageType = { data: 0, dictionary: 2 } as const;

export type Codec = (typeof codec)[keyof typeof codec];

/** Header and all. */
export interface Page {
  readonly bytes: Uint8Array;
  /** What `bytes` would be, uncompressed. */
  readonly rawSize: number;
}

/** All that the footer has to know of a column. */
export interface ColumnChunk {
  readonly codec: Codec;
  readonly encodings: readonly number[];
  readonly dictionary: Page | null;
  readonly pages: readonly Page[];
  readonly statistics: Encoded;
}

/**
 * A column of fewer bytes is not compressed: zstd takes its reader 50 µs before the first value, three quarters of what 40
 * rows take to read.
 */
const small = 32 << 10;

export const codecFor = (rawSize: number): Codec => (rawSize < small ? codec.none : codec.zstd);

const compress = promisify(zstdCompress);
const settings = { chunkSize: 256 << 10, params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** `body`: levels and values. It must stay as it is until this resolves. */
export function dataPage(body: Uint8Array, values: number, valueEncoding: number, by: Codec): Promise<Page> {
  const levels = i32(encoding.runLengths);
  const header = struct({ 1: i32(values), 2: i32(valueEncoding), 3: levels, 4: levels });
  return pageOf(pageType.data, { 5: header }, body, by);
}

export const dictionaryPage = (body: Uint8Array, values: number, by: Codec): Promise<Page> =>
  pageOf(pageType.dictionary, { 7: struct({ 1: i32(values), 2: i32(encoding.plain) }) }, body, by);

async function pageOf(type: number, header: Record<number, Encoded>, body: Uint8Array, by: Codec): Promise<Page> {
  const written = by === codec.zstd ? await compress(body, settings) : body;
  const { bytes } = struct({ 1: i32(type), 2: i32(body.length), 3: i32(written.length), ...header });
  return { bytes: Buffer.concat([bytes, written]), rawSize: bytes.length + body.length };
}

/** Definition levels, as they stand before the values of a column that may be NULL. */
export function levelsBlock(levels: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(levels.length);
  return Buffer.concat([length, levels]);
}

/** `bounds`: the smallest value and the largest, in the plain encoding without a length. */
export const statisticsOf = (nulls: number, bounds: readonly [Uint8Array, Uint8Array] | null): Encoded =>
  struct({ 3: i64(nulls), 5: bounds ? binary(bounds[1]) : undefined, 6: bounds ? binary(bounds[0]) : undefined });
