/** What this product reads of a lake's table, as texts: by its log and files, and by the query side's sessions. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { loadSnapshot, type AddFile, type DeltaField } from '#libs/delta-log';
import { parquet, rowsOf } from '#libs/lake';
import { identifier, literal } from '#libs/scd2';
import type { Follower } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { Rows } from './python-readers.js';

export interface OwnTable extends Rows {
  readonly version: number;
}

/** The newest version of a table. */
export async function ownTable(folder: string, duckdb: DuckDBConnection): Promise<OwnTable> {
  const { version, metadata, files } = (await loadSnapshot(folder, duckdb))!;
  const { fields } = JSON.parse(metadata.schemaString) as { fields: DeltaField[] };
  const relation = ({ path, partitionValues }: AddFile) => {
    const values = Object.entries(partitionValues).map(([name, value]) => `${literal(value!)} AS ${identifier(name)}`);
    return `SELECT ${textsSql(fields)} FROM ${parquet([join(folder, path)], values.join(', ') || undefined)}`;
  };
  const selects = [...files.values()].map(relation);
  const rows = selects.length > 0 ? await rowsOf(duckdb, selects.join(' UNION ALL ')) : [];
  return { version, columns: fields.map(({ name }) => name), rows: rows.map((row) => Object.values(row) as string[]) };
}

/** All versions of a table, as whoever asks the query side is answered from. */
export async function askedVersions(follower: Follower, table: Table, of: OwnTable): Promise<Rows['rows']> {
  const fields = of.columns.map((name) => ({ name, type: isTime(table, name) ? 'timestamp' : 'string' }) as const);
  return new LakeReader(follower, [table]).read(async (session) => {
    const rows = await session.rows(`SELECT ${textsSql(fields)} FROM ${session.versions(table)}`);
    return rows.map((row) => Object.values(row) as (string | null)[]);
  });
}

const isTime = ({ columns }: Table, name: string): boolean =>
  name.startsWith('valid_') || columns.some((column) => column.name === name && column.type === 'timestamptz');

const textsSql = (fields: readonly Pick<DeltaField, 'name' | 'type'>[]): string =>
  fields
    .map(({ name, type }) => {
      const column = identifier(name);
      return `(${type === 'timestamp' ? `epoch_us(${column})` : column})::VARCHAR AS ${column}`;
    })
    .join(', ');
