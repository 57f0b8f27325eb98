/** What an hour of ten commits a second leaves on disk: appended, folded and kept up by a clock that is told the time. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { lakeTable, type Catalog } from '#libs/catalog';
import type { ChangeEvent, Transaction } from '#libs/change-event';
import { loadSnapshot } from '#libs/delta-log';
import { changelog, openDuckDb } from '#libs/lake';
import { Projection } from '../../apps/projector/src/projection.js';
import { table as print } from '../measuring/report.js';
import { History, keyOf } from './history.js';
import { catalogOf } from './made-up-lake.js';

const commitsPerSecond = 10;
/** Simulated seconds between two folds. */
const foldAge = 60;
/** Milliseconds between two looks of upkeep: some seconds of the simulated clock, which is some ten times as fast. */
const look = 250;
const keys = 10_000;
const never = 2 ** 31 - 1;

export async function simulateHour(folder: string, catalog: Catalog, seconds = 3600): Promise<Record<string, number>> {
  const own = catalogOf(catalog, 'students');
  const [table] = own.tables;
  const history = new History(table!, keys, keys);
  const lake = join(folder, 'lake');
  const clock = { milliseconds: Date.now() };
  const failed = (error: Error) => {
    throw error;
  };
  const projection = await Projection.open(
    await openDuckDb(),
    {
      ...{ lake, catalog: own, spoolFolder: join(folder, 'spool'), foldChanges: 30_000, foldAge: never },
      upkeep: { now: () => clock.milliseconds, look },
    },
    {
      ...{ appended: () => {}, folded: () => {}, suspiciousClock: () => {} },
      ...{ foldFailed: failed, upkeepFailed: failed, failed },
    },
  );
  for (let second = 0, change = 0; second < seconds; second++) {
    for (let i = 0; i < commitsPerSecond; i++) {
      await projection.accept(transaction(table!.table, history, ++change));
      await projection.appender.settled();
    }
    clock.milliseconds += 1000;
    if (second % foldAge === foldAge - 1) await projection.folding.foldNow();
  }
  await projection.close();
  const reading = await (await openDuckDb()).connect();
  const tables = [];
  for (const name of [changelog.name, lakeTable(table!)])
    tables.push({ name, ...(await countsOf(join(lake, name), reading)) });
  print(
    `After ${seconds / 60} minutes of ${commitsPerSecond} commits a second`,
    ['table', 'files', 'on disk', 'log entries', 'checkpoints'],
    tables.map(({ name, live, onDisk, entries, checkpoints }) => [name, live, onDisk, entries, checkpoints]),
  );
  const [changes, versions] = tables;
  return {
    ...{ hour_changelog_files: changes!.live, hour_changelog_files_on_disk: changes!.onDisk },
    ...{ hour_version_files: versions!.live, hour_version_files_on_disk: versions!.onDisk },
    ...{ hour_changelog_entries: changes!.entries, hour_version_entries: versions!.entries },
  };
}

function transaction(table: string, history: History, change: number): Transaction {
  const key = (change * 7919) % keys;
  const after = JSON.stringify(history.stateAfter(key, change));
  const event: ChangeEvent = { ordinal: 0, table, op: 'u', key: JSON.stringify([keyOf(key)]), before: null, after };
  return {
    header: { txId: String(change) },
    changes: (async function* () {
      yield [event];
    })(),
    end: Promise.resolve({ commitLsn: change, committedAt: BigInt(Date.now()) * 1000n }),
  };
}

/** Data files of the newest version, and those on disk: some wait for their retention to be over. */
async function countsOf(folder: string, duckdb: DuckDBConnection) {
  const log = readdirSync(join(folder, '_delta_log'));
  return {
    live: (await loadSnapshot(folder, duckdb))!.files.size,
    onDisk: readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(isDataFile).length,
    entries: log.filter((name) => /^\d+\.json$/.test(name)).length,
    checkpoints: log.filter((name) => name.includes('.checkpoint')).length,
  };
}

const isDataFile = (path: string): boolean => path.endsWith('.parquet') && !path.startsWith('_');
