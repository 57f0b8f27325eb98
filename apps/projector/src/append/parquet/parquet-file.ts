/**
 * A Parquet file of one row group (Apache Parquet's README and parquet.thrift): the magic number, each column's pages, the
 * footer in Thrift's compact protocol, the footer's length, the magic number again.
 *
 * It writes what the changelog needs, and nothing else. Rows that wait for DuckDB's COPY are in memory two times over; here
 * a page is compressed as soon as it is full (docs/adr/0013).
 */
import type { DeltaField } from '#libs/delta-log';
import type { ColumnChunk, Page } from './page.js';
import { binary, i32, i64, list, struct, yes, type Encoded } from './thrift.js';

const magic = Buffer.from('PAR1');
const version = 2;
/** Readers look for bugs of writers that they know, and want this form. */
const createdBy = 'migsbyu version 1.0.0 (build 0)';

const [INT64, BYTE_ARRAY] = [2, 6];
const [REQUIRED, OPTIONAL] = [0, 1];
const nothing = struct({});

/** Physical type, the type's older name, and its newer one. */
const types: Readonly<Record<string, { physical: number; converted?: number; logical?: Encoded }>> = {
  long: { physical: INT64 },
  string: { physical: BYTE_ARRAY, converted: 0, logical: struct({ 1: nothing }) },
  timestamp: { physical: INT64, converted: 10, logical: struct({ 8: struct({ 1: yes, 2: struct({ 2: nothing }) }) }) },
};

export interface FileColumn {
  readonly field: DeltaField;
  readonly chunk: ColumnChunk;
}

export function parquetFile(columns: readonly FileColumn[], rows: number): Buffer {
  const parts: Uint8Array[] = [magic];
  let at = magic.length;
  const chunks = columns.map(({ field, chunk }) => {
    const pages = chunk.dictionary ? [chunk.dictionary, ...chunk.pages] : chunk.pages;
    const described = columnChunk(field, chunk, { at, rows });
    for (const { bytes } of pages) {
      parts.push(bytes);
      at += bytes.length;
    }
    return described;
  });
  const footer = fileMetadata(columns, chunks, { size: at - magic.length, rows });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([...parts, footer, length, magic]);
}

function fileMetadata(
  columns: readonly FileColumn[],
  chunks: Encoded[],
  { size, rows }: { size: number; rows: number },
) {
  const root = struct({ 4: binary('schema'), 5: i32(columns.length) });
  const raw = columns.reduce((sum, { chunk }) => sum + sizes(chunk).raw, 0);
  const group = struct({ 1: list(chunks), 2: i64(raw), 3: i64(rows), 5: i64(magic.length), 6: i64(size) });
  return struct({
    ...{ 1: i32(version), 2: list([root, ...columns.map(({ field }) => schemaElement(field))]), 3: i64(rows) },
    ...{ 4: list([group]), 6: binary(createdBy) },
    7: list(columns.map(() => struct({ 1: nothing }))), // the statistics are in the order of the type
  }).bytes;
}

function schemaElement({ name, type, nullable }: DeltaField): Encoded {
  const { physical, converted, logical } = types[type]!;
  return struct({
    ...{ 1: i32(physical), 3: i32(nullable ? OPTIONAL : REQUIRED), 4: binary(name) },
    ...{ 6: converted === undefined ? undefined : i32(converted), 10: logical },
  });
}

function columnChunk(field: DeltaField, chunk: ColumnChunk, { at, rows }: { at: number; rows: number }): Encoded {
  const { raw, written } = sizes(chunk);
  const metadata = struct({
    ...{ 1: i32(types[field.type]!.physical), 2: list(chunk.encodings.map(i32)), 3: list([binary(field.name)]) },
    ...{ 4: i32(chunk.codec), 5: i64(rows), 6: i64(raw), 7: i64(written) },
    9: i64(at + (chunk.dictionary?.bytes.length ?? 0)),
    ...{ 11: chunk.dictionary ? i64(at) : undefined, 12: chunk.statistics },
  });
  return struct({ 2: i64(at), 3: metadata });
}

function sizes({ dictionary, pages }: ColumnChunk): { raw: number; written: number } {
  const all: readonly Page[] = dictionary ? [dictionary, ...pages] : pages;
  return {
    raw: all.reduce((sum, { rawSize }) => sum + rawSize, 0),
    written: all.reduce((sum, { bytes }) => sum + bytes.length, 0),
  };
}
