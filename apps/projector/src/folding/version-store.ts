import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { catalogHash, lakeTable, type Table } from '#libs/catalog';
import { createTable, DeltaTable, type AddFile, type Snapshot, type TableDefinition } from '#libs/delta-log';
import { appIds, configuration, quarantine, versionTable } from '#libs/lake';

/** The lake's versions were folded by another entry of the catalog: a fold by this one would mix two shapes in a table. */
export class CatalogChanged extends Error {
  readonly code = 'catalog-changed';
  constructor(
    readonly table: string,
    readonly lakeTable: string,
  ) {
    super(
      `The catalog's entry of ${table} has other columns, types or another key than the one that made ${lakeTable}. ` +
        'Use the catalog that the lake was made with, or begin a new lake.',
    );
    this.name = 'CatalogChanged';
  }
}

/** The lake's tables of one source table's versions, and the quarantine that all share. */
export interface VersionStore {
  readonly table: Table;
  readonly versions: DeltaTable;
  readonly quarantine: DeltaTable;
}

/** Makes what is not there yet. @throws CatalogChanged */
export async function openVersionStores(
  lake: string,
  tables: readonly Table[],
  duckdb: DuckDBConnection,
): Promise<VersionStore[]> {
  const open = async (definition: TableDefinition) => {
    const folder = join(lake, definition.name);
    await createTable(folder, definition, duckdb);
    return DeltaTable.open(folder, duckdb);
  };
  const shared = await open({ ...quarantine, configuration: {} });
  const stores = [];
  for (const table of tables) {
    const versions = await open({ name: lakeTable(table), ...versionTable(table) });
    if (versions.snapshot.metadata.configuration[configuration.catalog] !== catalogHash(table))
      throw new CatalogChanged(table.table, lakeTable(table));
    stores.push({ table, versions, quarantine: shared });
  }
  return stores;
}

/** Position up to which the versions hold every change; 0 before the first fold. */
export const foldPosition = ({ versions }: VersionStore): number =>
  versions.snapshot.transactions.get(appIds.fold) ?? 0;

export const openFiles = ({ files }: Snapshot): AddFile[] =>
  [...files.values()].filter(({ partitionValues }) => partitionValues.is_current === 'true');

/** Open version rows in the files. */
export function openRows({ versions }: VersionStore): number {
  const records = openFiles(versions.snapshot).map(
    ({ stats }) => (JSON.parse(stats!) as { numRecords: number }).numRecords,
  );
  return records.reduce((sum, count) => sum + count, 0);
}
