import { readFileSync, rmSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { add, definition, duckdb, newFolder, remove } from '../test/temporary-table.js';
import { commit, readCommit } from './commit.js';
import { createTable } from './create-table.js';
import { DeltaTable } from './delta-table.js';
import { entryPath } from './log-folder.js';
import { statsOf } from './statistics.js';

const fenced = expect.objectContaining({ code: 'fenced' });

describe('a writer of a table', () => {
  let folder: string;
  let table: DeltaTable;
  beforeEach(async () => {
    folder = newFolder();
    await createTable(folder, definition, duckdb);
    table = await DeltaTable.open(folder, duckdb);
  });

  it('commits in the order of the calls, one version each', async () => {
    const versions = await Promise.all(Array.from({ length: 20 }, (_, i) => table.commit([add(`file-${i}`)])));
    expect(versions).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect([...table.snapshot.files.keys()]).toEqual(Array.from({ length: 20 }, (_, i) => `file-${i}`));
    expect(table.snapshot.version).toBe(20);
  });

  it('says in the entry what was done and when, with an id of its own', async () => {
    await table.commit([add('a')]);
    await table.commit([add('b')], 'OPTIMIZE');
    const infos = [1, 2].map((version) => JSON.parse(readFileSync(entryPath(folder, version), 'utf8').split('\n')[0]!));
    expect(infos.map(({ commitInfo }) => commitInfo.operation)).toEqual(['WRITE', 'OPTIMIZE']);
    expect(infos[0].commitInfo.commitId).toMatch(/^[0-9a-f-]{36}$/);
    expect(infos[0].commitInfo.commitId).not.toBe(infos[1].commitInfo.commitId);
  });

  it('is fenced when another one committed, and from then on for ever', async () => {
    const other = await DeltaTable.open(folder, duckdb);
    await other.commit([add('theirs')]);
    const both = [table.commit([add('mine')]), table.commit([add('next')])];
    await expect(both[0]).rejects.toThrow(fenced);
    await expect(both[1]).rejects.toThrow(fenced);
    rmSync(entryPath(folder, 1)); // the version is free again, and still not this writer's
    await expect(table.commit([add('later')])).rejects.toThrow(fenced);
    expect([table.snapshot.version, table.snapshot.files.size]).toEqual([0, 0]);
  });

  it('refuses what no snapshot could take, before anything is written', async () => {
    const protocol = { minReaderVersion: 3, minWriterVersion: 7 };
    const refused = [table.commit([{ protocol }]), table.commit([{ txn: { appId: 'x', version: 1.5 } }])];
    await expect(refused[0]).rejects.toThrow(expect.objectContaining({ code: 'unsupported-table' }));
    await expect(refused[1]).rejects.toThrow(expect.objectContaining({ code: 'out-of-sequence' }));
    expect(await table.commit([])).toBe(1);
  });

  it('refuses a number that would change, and goes on', async () => {
    await expect(table.commit([add('a', { size: 2 ** 53 })])).rejects.toThrow(RangeError);
    expect(await table.commit([add('a', { size: 2 ** 53 - 1 })])).toBe(1);
  });

  it('is not opened where there is no table, or one that needs a newer writer', async () => {
    await expect(DeltaTable.open(newFolder(), duckdb)).rejects.toThrow(
      expect.objectContaining({ code: 'no-such-table' }),
    );
    await commit(folder, 1, 'other', [{ protocol: { minReaderVersion: 1, minWriterVersion: 4 } }]);
    await expect(DeltaTable.open(folder, duckdb)).rejects.toThrow(
      expect.objectContaining({ code: 'unsupported-table', access: 'writing' }),
    );
  });

  const file = (path: string, numRecords: number) =>
    add(path, { size: 7, stats: statsOf({ numRecords, minValues: {}, maxValues: {} }) }).add;

  it('lets a commit see what the commits before it left, and decide for none', async () => {
    void table.commit([add('a')]);
    const seen: unknown[] = [];
    const removeAll = () =>
      table.commitOnto(({ version, files }) => {
        seen.push([version, [...files.keys()]]);
        return files.size === 0 ? null : [...files.keys()].map((path) => remove(path));
      });
    expect(await Promise.all([removeAll(), removeAll(), table.commit([])])).toEqual([2, null, 3]);
    expect(seen).toEqual([
      [1, ['a']],
      [2, []],
    ]);
  });

  it('tells whoever decides badly, and goes on', async () => {
    const thrown = table.commitOnto(() => {
      throw new Error('of its own');
    });
    await expect(thrown).rejects.toThrow('of its own');
    expect(await table.commit([])).toBe(1);
  });

  it('puts files in the place of others without bringing rows', async () => {
    await table.commit(['a', 'b', 'c'].map((path) => ({ add: file(path, 2) })));
    expect(await table.replaceFiles([file('a', 2), file('b', 2)], [file('ab', 4)], 5)).toBe(2);
    expect([...table.snapshot.files.keys()]).toEqual(['c', 'ab']);
    const [info, ...actions] = await readCommit(folder, 2).then((read) => [...read!]);
    expect(info).toMatchObject({ commitInfo: { operation: 'OPTIMIZE' } });
    const removed = (path: string) => ({
      ...{ path, deletionTimestamp: 5, dataChange: false, extendedFileMetadata: true },
      ...{ partitionValues: { is_current: 'true' }, size: 7 },
    });
    expect(actions).toEqual([
      { remove: removed('a') },
      { remove: removed('b') },
      { add: { ...file('ab', 4), dataChange: false } },
    ]);
  });

  it('replaces no file that is gone when the turn comes', async () => {
    await table.commit(['a', 'b'].map((path) => ({ add: file(path, 2) })));
    const swap = table.commit([remove('a'), { add: file('new', 3) }]);
    expect(await table.replaceFiles([file('a', 2), file('b', 2)], [file('ab', 4)])).toBeNull();
    expect(await swap).toBe(2);
    expect([table.snapshot.version, ...table.snapshot.files.keys()]).toEqual([2, 'b', 'new']);
  });

  it.each([1, 3])('refuses to make %d rows of two', async (rows) => {
    await table.commit([{ add: file('a', 2) }]);
    const refused = table.replaceFiles([file('a', 2)], [file('b', rows)]);
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'rows-lost', before: 2, after: rows }));
    await expect(table.replaceFiles([add('a').add], [file('b', 1)])).rejects.toThrow('NaN rows');
    expect(table.snapshot.version).toBe(1);
  });

  it('knows whether it was replaced, and takes none of its own commits for another writer', async () => {
    const commits = Array.from({ length: 5 }, () => table.commit([]));
    await Promise.all(Array.from({ length: 5 }, () => table.refuseReplaced()));
    await Promise.all(commits);
    await (await DeltaTable.open(folder, duckdb)).commit([]);
    await expect(table.refuseReplaced()).rejects.toThrow(fenced);
    await expect(table.commit([])).rejects.toThrow(fenced);
  });
});
