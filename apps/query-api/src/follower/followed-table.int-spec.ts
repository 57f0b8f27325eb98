import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { checkpoint, cleanLog, type AddFile } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { temporaryFolder, TestChangelog } from '#libs/test-lake';
import { FollowedTable } from './followed-table.js';

const root = temporaryFolder('followed-table');
let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});
afterAll(() => duckdb.closeSync());

const filesOf = ({ table }: TestChangelog): AddFile[] => [...table.snapshot.files.values()];

const mergedPath = (position: number) => `00000000-0000-4000-8000-${String(position).padStart(12, '0')}.parquet`;

/** As a merge would leave them. */
const merge = (log: TestChangelog) => {
  const files = filesOf(log);
  const stats = `{"numRecords":${log.position},"minValues":{},"maxValues":{}}`;
  return log.table.replaceFiles(files, [{ ...files[0]!, path: mergedPath(log.position), stats }]);
};

describe('a followed table', () => {
  it('tells new rows, and that files were replaced, and takes no merged file for new rows', async () => {
    const log = await TestChangelog.create(root, duckdb);
    const followed = await FollowedTable.open(log.table.folder, duckdb);
    expect(await followed.catchUp()).toEqual({ moved: false, added: [], rearranged: false });
    await log.append(1);
    await log.append(2);
    const added = filesOf(log);
    expect(await followed.catchUp()).toEqual({ moved: true, added, rearranged: false });
    await merge(log);
    expect(await followed.catchUp()).toEqual({ moved: true, added: [], rearranged: true });
    await log.append(1);
    const last = filesOf(log).at(-1);
    await merge(log);
    expect(await followed.catchUp()).toEqual({ moved: true, added: [last], rearranged: true });
    expect(followed.paths(() => true)).toEqual([`${log.table.folder}/${mergedPath(4)}`]);
  });

  it('does not remember for ever what is gone, nor what a checkpoint says of it', async () => {
    const log = await TestChangelog.create(root, duckdb);
    const followed = await FollowedTable.open(log.table.folder, duckdb);
    for (let i = 0; i < 3; i++) await log.append(1);
    await merge(log);
    await followed.catchUp();
    await checkpoint(log.table.folder, log.table.snapshot, duckdb);
    const newcomer = await FollowedTable.open(log.table.folder, duckdb);
    expect([followed.snapshot.tombstones.size, newcomer.snapshot.tombstones.size]).toEqual([0, 0]);
  });

  it('says so when the log has moved on without it', async () => {
    const log = await TestChangelog.create(root, duckdb);
    const followed = await FollowedTable.open(log.table.folder, duckdb);
    for (let i = 0; i < 3; i++) await log.append(1);
    await checkpoint(log.table.folder, log.table.snapshot, duckdb);
    await cleanLog(log.table.folder, log.table.snapshot, { now: Date.now() + 1e9, retention: 0 });
    await expect(followed.catchUp()).rejects.toMatchObject({ code: 'log-moved-on' });
  });

  it('takes no file of another program, neither for new rows nor for merged ones', async () => {
    for (const dataChange of [true, false]) {
      const log = await TestChangelog.create(root, duckdb);
      await log.append(1);
      const followed = await FollowedTable.open(log.table.folder, duckdb);
      const path = `part-00000-${filesOf(log)[0]!.path}`;
      await log.table.commit([{ add: { ...filesOf(log)[0]!, path, dataChange } }]);
      const refused = { code: 'foreign-file', table: log.table.snapshot.metadata.name, path };
      await expect(followed.catchUp()).rejects.toMatchObject(refused);
      await expect(FollowedTable.open(log.table.folder, duckdb)).rejects.toMatchObject(refused);
    }
  });
});
