import { randomUUID } from 'node:crypto';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Action } from './action.js';
import { commit, Fenced } from './commit.js';
import { makeDirectory } from './durable-file.js';
import { loadSnapshot } from './load-snapshot.js';
import { logFolder } from './log-folder.js';
import { type DeltaField, schemaString } from './schema.js';
import type { Snapshot } from './snapshot.js';
import { defaultProperties } from './table-properties.js';

export interface TableDefinition {
  readonly name: string;
  readonly fields: readonly DeltaField[];
  readonly partitionColumns: readonly string[];
  /** Table properties, beside `defaultProperties` or instead of them. */
  readonly configuration: Readonly<Record<string, string>>;
}

/**
 * Creates the table, or opens the one that is there, whatever its definition. A crash leaves an empty folder, in which
 * the next call goes on; of two creators one writes version 0, and both return it.
 */
export async function createTable(folder: string, table: TableDefinition, duckdb: DuckDBConnection): Promise<Snapshot> {
  const existing = await loadSnapshot(folder, duckdb);
  if (existing) return existing;
  await makeDirectory(folder);
  await makeDirectory(logFolder(folder));
  try {
    await commit(folder, 0, randomUUID(), firstActions(table, randomUUID(), Date.now()));
  } catch (error) {
    if (!(error instanceof Fenced)) throw error;
  }
  return (await loadSnapshot(folder, duckdb))!;
}

/** `now` in milliseconds since 1970. */
export function firstActions(table: TableDefinition, id: string, now: number): Action[] {
  return [
    { commitInfo: { timestamp: now, operation: 'CREATE TABLE', operationParameters: {} } },
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id,
        name: table.name,
        format: { provider: 'parquet', options: {} },
        schemaString: schemaString(table.fields),
        partitionColumns: [...table.partitionColumns],
        configuration: { ...defaultProperties, ...table.configuration },
        createdTime: now,
      },
    },
  ];
}
