import { readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { createTable, DeltaTable } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { Upkeep } from './upkeep.js';

const root = temporaryFolder('upkeep');
let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

let count = 0;
let table: DeltaTable;
let failures: Error[];
let running: Upkeep[];
beforeEach(async () => {
  [failures, running] = [[], []];
  table = await newTable();
});
afterEach(async () => {
  for (const upkeep of running) await upkeep.stop();
});

async function newTable(): Promise<DeltaTable> {
  const folder = join(root, String(++count));
  const fields = [{ name: 'id', type: 'long' as const, nullable: false }];
  await createTable(folder, { name: 'things', fields, partitionColumns: [], configuration: {} }, duckdb);
  return DeltaTable.open(folder, duckdb);
}

function keep(tables: DeltaTable[], options: { commits?: number; interval?: number }): Upkeep {
  const failed = (error: Error) => void failures.push(error);
  const upkeep = new Upkeep(tables, duckdb, { commits: 1000, interval: 1e6, look: 5, failed, ...options });
  running.push(upkeep);
  return upkeep;
}

async function commit(times: number, { appId = 'position' } = {}): Promise<void> {
  for (let i = 0; i < times; i++) await table.commit([{ txn: { appId, version: table.snapshot.version + 1 } }]);
}

const logOf = ({ folder }: DeltaTable) => readdirSync(join(folder, '_delta_log')).sort();
const checkpoints = (of = table) =>
  logOf(of)
    .filter((name) => name.endsWith('.checkpoint.parquet'))
    .map(Number.parseFloat);
const entries = (of = table) =>
  logOf(of)
    .filter((name) => name.endsWith('.json'))
    .map(Number.parseFloat);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

/** Long enough for several looks. */
const looks = () => sleep(40);

/** As if this had been written so many hours ago. */
function age(path: string, hours: number): void {
  const then = Date.now() / 1000 - hours * 3600;
  utimesSync(path, then, then);
}

describe('upkeep', () => {
  it('writes a checkpoint after so many commits, and not before', async () => {
    keep([table], { commits: 3 });
    await commit(2);
    await looks();
    expect(checkpoints()).toEqual([]);
    await commit(1);
    await until(() => checkpoints().length > 0);
    expect(checkpoints()).toEqual([3]);
    await commit(2);
    await looks();
    expect(checkpoints()).toEqual([3]);
    const again = await DeltaTable.open(table.folder, duckdb);
    expect(again.snapshot.transactions.get('position')).toBe(5);
  });

  it('writes one at the interval if anything was committed, and nothing while nothing was', async () => {
    await commit(1);
    keep([table], { interval: 10 });
    await until(() => checkpoints().length > 0);
    await looks();
    expect({ checkpoints: checkpoints(), entries: entries() }).toEqual({ checkpoints: [1], entries: [0, 1] });
  });

  it('cleans the log before the newest checkpoint that is older than the log is kept, and files of no version', async () => {
    const { folder } = table;
    const upkeep = keep([table], { commits: 3 });
    await commit(3);
    await until(() => checkpoints().length > 0);
    age(join(folder, '_delta_log', `${'3'.padStart(20, '0')}.checkpoint.parquet`), 25);
    writeFileSync(join(folder, 'orphan.parquet'), '');
    age(join(folder, 'orphan.parquet'), 25);
    await commit(3);
    await until(() => checkpoints().length === 2 && entries()[0] === 3);
    await upkeep.stop();
    expect(readdirSync(folder)).not.toContain('orphan.parquet');
    expect({ checkpoints: checkpoints(), entries: entries() }).toEqual({ checkpoints: [3, 6], entries: [3, 4, 5, 6] });
    expect((await DeltaTable.open(folder, duckdb)).snapshot.version).toBe(6);
    expect(failures).toEqual([]);
  });

  it('of one table that fails does not keep the others from theirs, and is tried again', async () => {
    const broken = await newTable();
    const log = join(broken.folder, '_delta_log');
    await broken.commit([{ txn: { appId: 'position', version: 1 } }]);
    await commit(1);
    renameSync(log, `${log}.away`);
    keep([broken, table], { commits: 1 });
    await until(() => checkpoints().length > 0 && failures.length > 1);
    rmSync(log, { recursive: true, force: true });
    renameSync(`${log}.away`, log);
    await until(() => checkpoints(broken).length > 0);
  });

  it('ends whole: nothing is under way, and nothing begins', async () => {
    const upkeep = keep([table], { commits: 1 });
    await commit(1);
    await until(() => logOf(table).some((name) => name.endsWith('.draft') || name.includes('checkpoint')));
    await upkeep.stop();
    const log = logOf(table);
    expect(log.filter((name) => name.endsWith('.draft'))).toEqual([]);
    await commit(1);
    await looks();
    expect(checkpoints()).toEqual([1]);
  });
});
