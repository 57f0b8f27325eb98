import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { catalogHash, lakeTable, type Table } from '#libs/catalog';
import {
  createTable,
  DeltaTable,
  loadSnapshot,
  recordsOf,
  type AddFile,
  type Snapshot,
  type TableDefinition,
} from '#libs/delta-log';
import {
  appIds,
  columnsSince,
  configuration,
  isInQuarantine,
  quarantine,
  quarantineGeneration,
  refuseForeignFiles,
  versionTable,
} from '#libs/lake';
import { LakeDamaged } from '../lake-damaged.js';
import type { VersionFiles } from './version-files.js';

/** The lake's tables of one source table's versions, and the quarantine that all share. */
export class VersionStore {
  private counted = { version: -1, rows: 0 };
  private readonly catalog: string;

  constructor(
    readonly table: Table,
    readonly versions: DeltaTable,
    readonly quarantine: DeltaTable,
  ) {
    this.catalog = catalogHash(table);
  }

  /** The versions were folded by another entry of the catalog, and a fold by this one would mix two shapes in a table. */
  get drifted(): boolean {
    return this.versions.snapshot.metadata.configuration[configuration.catalog] !== this.catalog;
  }

  /** Position up to which the versions hold every change; 0 before the first fold. */
  get foldPosition(): number {
    return this.versions.snapshot.transactions.get(appIds.fold) ?? 0;
  }

  get files(): VersionFiles {
    const { table, versions, quarantine: unknown } = this;
    const generation = quarantineGeneration(versions.snapshot);
    const files = [...unknown.snapshot.files.values()].filter(isInQuarantine(table, generation));
    return {
      ...{ table, folder: versions.folder, foldPosition: this.foldPosition },
      since: columnsSince(versions.snapshot),
      open: openFiles(versions.snapshot),
      quarantine: { folder: unknown.folder, generation, files },
    };
  }

  /** A fold would take rows for those of a range, or of none, that they may not be of. @throws ForeignFile */
  refuseForeignFiles(): void {
    const { table, versions, quarantine: unknown } = this;
    refuseForeignFiles(versions.snapshot.metadata, versions.snapshot.files.values());
    const own = [...unknown.snapshot.files.values()].filter((file) => isOfTable(file, table));
    refuseForeignFiles(unknown.snapshot.metadata, own);
  }

  /** Open version rows in the files. */
  get openRows(): number {
    const { version } = this.versions.snapshot;
    if (this.counted.version !== version) this.counted = { version, rows: rowsIn(openFiles(this.versions.snapshot)) };
    return this.counted.rows;
  }
}

/** Makes what is not there yet. */
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
  const versions: DeltaTable[] = [];
  for (const table of tables) versions.push(await open({ name: lakeTable(table), ...versionTable(table) }));
  await refuseLostQuarantine(join(lake, quarantine.name), versions, duckdb);
  const shared = await open({ ...quarantine, configuration: {} });
  return tables.map((table, i) => new VersionStore(table, versions[i]!, shared));
}

/** It is there before anything is folded. */
async function refuseLostQuarantine(
  folder: string,
  versions: readonly DeltaTable[],
  duckdb: DuckDBConnection,
): Promise<void> {
  const isFolded = versions.some(({ snapshot }) => snapshot.transactions.has(appIds.fold));
  if (!isFolded || (await loadSnapshot(folder, duckdb))) return;
  throw new LakeDamaged(
    quarantine.name,
    'The quarantine is lost, and with it which keys have states that do not type. Restore it; or move the folders of all ' +
      'versions away as well: they are made anew from the changelog.',
  );
}

const isOfTable = ({ partitionValues }: AddFile, { table }: Table): boolean => partitionValues.table === table;

const openFiles = ({ files }: Snapshot): AddFile[] =>
  [...files.values()].filter(({ partitionValues }) => partitionValues.is_current === 'true');

const rowsIn = (files: readonly AddFile[]): number => files.map(recordsOf).reduce((sum, count) => sum + count, 0);
