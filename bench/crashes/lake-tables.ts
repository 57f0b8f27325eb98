/** The lake's tables, made before any projector does, so that old entries and files go soon: else no clean-up would be in flight. */
import { join } from 'node:path';
import { lakeTable, type Catalog } from '#libs/catalog';
import { createTable } from '#libs/delta-log';
import { changelog, openDuckDb, quarantine, versionTable } from '#libs/lake';

type TableDefinition = Parameters<typeof createTable>[1];

const shortLives = {
  'delta.logRetentionDuration': 'interval 2 seconds',
  'delta.deletedFileRetentionDuration': 'interval 2 seconds',
};

const withShortLives = (definition: TableDefinition): TableDefinition => ({
  ...definition,
  configuration: { ...definition.configuration, ...shortLives },
});

export async function makeLakeTables(lake: string, { tables }: Catalog, tidies: boolean): Promise<void> {
  const instance = await openDuckDb();
  const duckdb = await instance.connect();
  const make = (definition: TableDefinition) =>
    createTable(join(lake, definition.name), tidies ? withShortLives(definition) : definition, duckdb);
  await make({ ...changelog, partitionColumns: [], configuration: {} });
  await make({ ...quarantine, configuration: {} });
  for (const table of tables) await make({ name: lakeTable(table), ...versionTable(table) });
  duckdb.closeSync();
  instance.closeSync();
}
