import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { add, definition, duckdb, newFolder, remove } from '../test/temporary-table.js';
import { checkpoint } from './checkpoint.js';
import { cleanLog } from './clean-log.js';
import { createTable } from './create-table.js';
import { writeDataFile } from './data-file.js';
import { DeltaTable } from './delta-table.js';
import { loadSnapshot } from './load-snapshot.js';
import { checkpointPath, entryPath, listLog, logFolder } from './log-folder.js';
import { listOrphans, vacuum } from './vacuum.js';

const hour = 3_600_000;
const now = Date.now();

let folder: string;
let table: DeltaTable;
beforeEach(async () => {
  folder = newFolder();
  await createTable(folder, definition, duckdb);
  table = await DeltaTable.open(folder, duckdb);
});

function putFile(path: string, age: number): void {
  writeFileSync(join(folder, path), '');
  utimesSync(join(folder, path), now / 1000, (now - age) / 1000);
}
const filesLeft = () => readdirSync(folder).filter((name) => name !== '_delta_log');

describe('vacuum', () => {
  it('deletes files of expired tombstones and files of no version that are a day old, and keeps all others', async () => {
    putFile('live.parquet', 48 * hour);
    putFile('expired.parquet', 48 * hour);
    putFile('removed-lately.parquet', 48 * hour);
    putFile('old-orphan.parquet', 25 * hour);
    putFile('being-committed.parquet', 23 * hour);
    putFile('.old.draft', 25 * hour);
    putFile('.being-written.draft', 1 * hour);
    putFile('_delta_log/.old.draft', 25 * hour);
    putFile('_delta_log/.being-written.draft', 1 * hour);
    putFile('somebody.txt', 48 * hour);
    putFile('_SUCCESS', 48 * hour);
    await table.commit([add('live.parquet'), remove('expired.parquet', now - 2 * hour - 1)]);
    await table.commit([remove('removed-lately.parquet', now - 2 * hour)]);

    const deleted = await vacuum(folder, table.snapshot, { now });

    expect(deleted.sort()).toEqual(['.old.draft', '_delta_log/.old.draft', 'expired.parquet', 'old-orphan.parquet']);
    expect(filesLeft().sort()).toEqual([
      '.being-written.draft',
      '_SUCCESS',
      'being-committed.parquet',
      'live.parquet',
      'removed-lately.parquet',
      'somebody.txt',
    ]);
    expect(readdirSync(logFolder(folder))).toContain('.being-written.draft');
    expect([...table.snapshot.tombstones.keys()]).toEqual(['removed-lately.parquet']);
  });

  it('keeps a file that this process has not committed yet, however old a clock that jumped makes it', async () => {
    const day = 24 * hour;
    const { path } = await writeDataFile(folder, async (draft) => writeFileSync(draft, ''));
    expect(await vacuum(folder, table.snapshot, { now: now + 3 * day })).toEqual([]);
    await table.commit([add(path)]);
    await table.commit([remove(path, now)]);
    table.snapshot.expireTombstones(Infinity); // from here on its age alone speaks
    expect(await vacuum(folder, table.snapshot, { now: now + 3 * day })).toEqual([path]);
  });

  it('keeps what this process is writing, and lets go of what it failed to write', async () => {
    const later = { now: now + 72 * hour };
    await writeDataFile(folder, async (draft) => {
      writeFileSync(draft, '');
      expect(await vacuum(folder, table.snapshot, later)).toEqual([]);
    });
    const failing = writeDataFile(folder, async (draft) => {
      writeFileSync(draft, '');
      throw new Error('the disk is full');
    });
    await expect(failing).rejects.toThrow('the disk is full');
    expect(filesLeft()).toHaveLength(1);
  });

  it('cleans the directories of partitions, too, and no others', async () => {
    for (const name of ['is_current=true', 'elsewhere']) mkdirSync(join(folder, name));
    putFile('is_current=true/live.parquet', 48 * hour);
    putFile('is_current=true/expired.parquet', 48 * hour);
    putFile('is_current=true/orphan.parquet', 25 * hour);
    putFile('is_current=true/being-committed.parquet', 23 * hour);
    putFile('elsewhere/somebody.parquet', 48 * hour);
    await table.commit([
      add('is_current=true/live.parquet'),
      remove('is_current=true/expired.parquet', now - 3 * hour),
    ]);
    const deleted = await vacuum(folder, table.snapshot, { now });
    expect(deleted.sort()).toEqual(['is_current=true/expired.parquet', 'is_current=true/orphan.parquet']);
    expect(readdirSync(join(folder, 'is_current=true')).sort()).toEqual(['being-committed.parquet', 'live.parquet']);
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual(['somebody.parquet']);
  });

  it('keeps what another writer committed since the snapshot', async () => {
    putFile('theirs.parquet', 48 * hour);
    await (await DeltaTable.open(folder, duckdb)).commit([add('theirs.parquet')]);
    expect(await vacuum(folder, table.snapshot, { now })).toEqual([]);
  });

  it('refuses to work by a snapshot that the log has left behind', async () => {
    putFile('theirs.parquet', 48 * hour);
    const other = await DeltaTable.open(folder, duckdb);
    await other.commit([]);
    await other.commit([add('theirs.parquet')]);
    await checkpoint(folder, other.snapshot, duckdb);
    await cleanLog(folder, other.snapshot, { now: now + hour, retention: 0 });
    await expect(vacuum(folder, table.snapshot, { now })).rejects.toThrow(
      expect.objectContaining({ code: 'log-moved-on' }),
    );
    expect(filesLeft()).toEqual(['theirs.parquet']);
  });

  it('only lists what it would delete, when asked to, and takes a given retention', async () => {
    putFile('removed.parquet', hour);
    await table.commit([remove('removed.parquet', now - 10)]);
    expect(await listOrphans(folder, table.snapshot, { now })).toEqual([]);
    expect(await listOrphans(folder, table.snapshot, { now, retention: 9 })).toEqual(['removed.parquet']);
    expect(filesLeft()).toEqual(['removed.parquet']);
    expect(table.snapshot.tombstones.size).toBe(1);
  });
});

describe('cleaning the log', () => {
  async function versionsWithCheckpoints(count: number, checkpoints: readonly number[]): Promise<void> {
    for (let version = 1; version <= count; version++) {
      await table.commit([add(`${version}.parquet`)]);
      if (checkpoints.includes(version)) await checkpoint(folder, table.snapshot, duckdb);
    }
  }
  const age = (path: string, time: number) => utimesSync(path, now / 1000, (now - time) / 1000);

  it('keeps the newest checkpoint that is past the retention, and everything from it on', async () => {
    await versionsWithCheckpoints(7, [2, 4, 6]);
    age(checkpointPath(folder, 2), 30 * hour);
    age(checkpointPath(folder, 4), 25 * hour);
    age(checkpointPath(folder, 6), 23 * hour);
    for (let version = 0; version <= 4; version++) age(entryPath(folder, version), 26 * hour);

    expect(await cleanLog(folder, table.snapshot, { now })).toBe(4);

    expect(await listLog(folder)).toMatchObject({ entries: [4, 5, 6, 7], checkpoints: [4, 6] });
    expect([...(await loadSnapshot(folder, duckdb))!.files.keys()]).toEqual([...table.snapshot.files.keys()]);
    expect(await table.commit([])).toBe(8);
  });

  it('deletes nothing without a checkpoint, however old the entries are', async () => {
    await versionsWithCheckpoints(3, []);
    for (let version = 0; version <= 3; version++) age(entryPath(folder, version), 1000 * hour);
    expect(await cleanLog(folder, table.snapshot, { now })).toBe(0);
    expect((await listLog(folder)).entries).toEqual([0, 1, 2, 3]);
  });

  it('makes a writer that slept through it be fenced, though its next version is free again', async () => {
    const sleeper = await DeltaTable.open(folder, duckdb);
    await versionsWithCheckpoints(4, [3]);
    await cleanLog(folder, table.snapshot, { now: now + hour, retention: 0 });
    expect((await listLog(folder)).entries).toEqual([3, 4]);
    await expect(checkpoint(folder, sleeper.snapshot, duckdb)).rejects.toThrow(
      expect.objectContaining({ code: 'log-moved-on' }),
    );
    await expect(sleeper.commit([add('lost.parquet')])).rejects.toThrow(expect.objectContaining({ code: 'fenced' }));
    expect(await listLog(folder)).toMatchObject({ entries: [3, 4], checkpoints: [3] });
  });
});
