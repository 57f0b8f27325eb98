/**
 * The columns of a small Parquet file, in plain code: DuckDB takes 1.5 ms before the first row, and several times as long
 * for each (docs/adr/0011). What the changelog's writer writes is known here: integers of 64 bits and texts, plain or by
 * a dictionary, in runs, with zstd or without. Whatever else there is, DuckDB has to read.
 */
import { zstdDecompressSync } from 'node:zlib';
import { ThriftReader, type Fields } from './thrift-reader.js';

export type ColumnValue = bigint | string | null;

/** There is something in a file that DuckDB alone reads. */
export class NotReadHere extends Error {
  readonly code = 'not-read-here';
  constructor(readonly what: string) {
    super(`The Parquet file has ${what}; let DuckDB read it.`);
    this.name = 'NotReadHere';
  }
}

const [INT64, BYTE_ARRAY] = [2, 6];
const [REQUIRED, OPTIONAL] = [0, 1];
const [PLAIN, DICTIONARY] = [0, 8];
const [UNCOMPRESSED, ZSTD] = [0, 6];
const [DATA_PAGE, DICTIONARY_PAGE] = [0, 2];

interface Chunk {
  readonly type: unknown;
  readonly optional: boolean;
  readonly metadata: Fields;
}

/** Values by column, in the order of `names`. @throws NotReadHere; RangeError where the file is torn */
export function readColumns(file: Buffer, names: readonly string[]): ColumnValue[][] {
  const end = file.length - 8;
  if (end < 0 || file.toString('latin1', end + 4) !== 'PAR1') throw new NotReadHere('another end than PAR1');
  const footer = new ThriftReader(file, end - file.readUInt32LE(end)).struct();
  const schema = (footer.get(2) as Fields[]).slice(1);
  const places = new Map(schema.map((element, place) => [String(element.get(4) as Buffer), place]));
  return names.map((name) => {
    const place = places.get(name);
    if (place === undefined) throw new NotReadHere(`no column ${name}`);
    const [type, repetition] = [1, 3].map((id) => schema[place]!.get(id));
    if (repetition !== REQUIRED && repetition !== OPTIONAL) throw new NotReadHere(`repetition ${String(repetition)}`);
    return (footer.get(4) as Fields[]).flatMap((group) => {
      const metadata = (group.get(1) as Fields[])[place]!.get(3) as Fields;
      return readChunk(file, { type, optional: repetition === OPTIONAL, metadata });
    });
  });
}

function readChunk(file: Buffer, chunk: Chunk): ColumnValue[] {
  const [codec, count, data, first] = [4, 5, 9, 11].map((id) => chunk.metadata.get(id) as number | undefined);
  const reader = new ThriftReader(file, first ?? data!);
  const values: ColumnValue[] = [];
  let dictionary: ColumnValue[] = [];
  while (values.length < count!) {
    const header = reader.struct();
    const page = inflated(reader.take(header.get(3) as number), codec!);
    if (header.get(1) === DATA_PAGE) values.push(...dataPage(page, header.get(5) as Fields, chunk, dictionary));
    else if (header.get(1) === DICTIONARY_PAGE)
      dictionary = plainValues(page, chunk.type, (header.get(7) as Fields).get(1) as number);
    else throw new NotReadHere(`a page of type ${String(header.get(1))}`);
  }
  return values;
}

function inflated(bytes: Buffer, codec: number): Buffer {
  if (codec === UNCOMPRESSED) return bytes;
  if (codec !== ZSTD) throw new NotReadHere(`codec ${codec}`);
  return zstdDecompressSync(bytes);
}

function dataPage(page: Buffer, header: Fields, { type, optional }: Chunk, dictionary: ColumnValue[]): ColumnValue[] {
  const [count, encoding] = [1, 2].map((id) => header.get(id) as number) as [number, number];
  if (encoding !== PLAIN && encoding !== DICTIONARY) throw new NotReadHere(`encoding ${encoding}`);
  const levelsEnd = optional ? 4 + page.readUInt32LE() : 0;
  const levels = optional ? runs(page.subarray(4, levelsEnd), 1, count) : null;
  const present = levels ? levels.reduce((sum, level) => sum + level, 0) : count;
  const rest = page.subarray(levelsEnd);
  const values =
    encoding === PLAIN
      ? plainValues(rest, type, present)
      : present > 0 // there is no width of nothing
        ? runs(rest.subarray(1), rest.readUInt8(), present).map((place) => dictionary[place]!)
        : [];
  let next = 0;
  return levels && present < count ? levels.map((level) => (level === 0 ? null : values[next++]!)) : values;
}

/** Small integers of `bits` in runs: of Parquet's hybrid encoding, the part without packed bits. */
function runs(bytes: Buffer, bits: number, count: number): number[] {
  const reader = new ThriftReader(bytes, 0);
  const values: number[] = [];
  while (values.length < count) {
    const head = reader.varint();
    if (head % 2 === 1) throw new NotReadHere('packed bits');
    const run = reader.take(Math.ceil(bits / 8));
    const value = run.length > 0 ? run.readUIntLE(0, run.length) : 0;
    for (let i = Math.min(head / 2, count - values.length); i > 0; i--) values.push(value);
  }
  return values;
}

function plainValues(bytes: Buffer, type: unknown, count: number): ColumnValue[] {
  if (type === INT64) return Array.from({ length: count }, (_, i) => bytes.readBigInt64LE(8 * i));
  if (type !== BYTE_ARRAY) throw new NotReadHere(`a column of type ${String(type)}`);
  const values: string[] = [];
  for (let at = 0; values.length < count;) {
    const [start, end] = [at + 4, at + 4 + bytes.readUInt32LE(at)];
    if (end > bytes.length) throw new RangeError(`A text ends at ${end} of ${bytes.length} bytes.`);
    values.push(bytes.toString('utf8', start, end));
    at = end;
  }
  return values;
}
