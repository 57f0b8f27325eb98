import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { createTable, DeltaTable, lastCheckpoint } from '#libs/delta-log';
import { lakeRows, closedAccounts, ledger, temporaryFolder, TestChangelog } from '#libs/test-lake';
import { openDuckDb, quarantine, versionTable } from '#libs/lake';
import { VersionStore } from '../folding/version-store.js';
import { upkeepOf } from './lake-upkeep.js';

const root = temporaryFolder('lake-upkeep');
const [accounts] = ledger.tables;

let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});
afterAll(() => duckdb.closeSync());

/** A lake of some small files, whose catalog has this entry now. */
async function lakeOf(name: string, table: Table) {
  const open = async (definition: Parameters<typeof createTable>[1]) => {
    const folder = join(root, name, definition.name);
    await createTable(folder, definition, duckdb);
    return DeltaTable.open(folder, duckdb);
  };
  const versions = await open({ name: 'accounts_dimension', ...versionTable(accounts!) });
  const unknown = await open({ ...quarantine, configuration: {} });
  const log = await TestChangelog.create(join(root, name), duckdb);
  for (let i = 0; i < 5; i++) {
    await log.append(1);
    const closed = { period: 2026, versions: [`A ${i} ${i + 1}`] };
    await versions.commit([{ add: await closedAccounts(versions.folder, duckdb, closed) }]);
    await unknown.commit([]);
  }
  return { changelog: log.table, versions, quarantine: unknown, store: new VersionStore(table, versions, unknown) };
}

async function keepOnce({ changelog, store }: Awaited<ReturnType<typeof lakeOf>>): Promise<Error[]> {
  const failures: Error[] = [];
  const sizes = { changelog: { files: 3, fileSize: 1 << 20 }, periods: { files: 3, rows: 1000 }, look: 1e9 };
  const cadence = { commits: 5, checkpoints: 1e9, merges: 1e9, cleanings: 1e9, pause: 1 };
  const upkeep = upkeepOf({ changelog, stores: [store], folded: () => 5 }, duckdb, {
    ...{ settings: { ...sizes, cadence }, temporaryFolder: root, failed: (error) => void failures.push(error) },
  });
  await upkeep.keep();
  await upkeep.stop();
  return failures;
}

const filesIn = ({ snapshot }: DeltaTable) => snapshot.files.size;

describe('the upkeep of a lake', () => {
  it('merges changelog and versions, and gives every table its checkpoint', async () => {
    const lake = await lakeOf('usual', accounts!);
    expect(await keepOnce(lake)).toEqual([]);
    expect([filesIn(lake.changelog), filesIn(lake.versions)]).toEqual([1, 1]);
    expect(await lakeRows(lake.versions.folder, duckdb, 'account_key')).toHaveLength(5);
    const checkpoints = [lake.changelog, lake.versions, lake.quarantine].map(({ folder }) => lastCheckpoint(folder));
    expect(await Promise.all(checkpoints)).toEqual([6, 6, 5]);
  });

  it('leaves versions of another catalog entry as they lie, for whoever will replace them', async () => {
    const [id, balance] = accounts!.columns;
    const lake = await lakeOf('drifted', { ...accounts!, columns: [id!, { ...balance!, name: 'saldo' }] });
    expect(await keepOnce(lake)).toEqual([]);
    expect([filesIn(lake.changelog), filesIn(lake.versions)]).toEqual([1, 5]);
  });
});
