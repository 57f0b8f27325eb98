import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { add, definition, duckdb, newFolder } from '../test/temporary-table.js';

const real = await import('./durable-file.js');

/** How often each of these fails before the disk is well again. */
let failures = { writeDurably: 0, syncDirectory: 0 };

const failing =
  (name: keyof typeof failures, code: string) =>
  async (...args: [string, string]): Promise<void> => {
    if (failures[name]-- > 0) throw Object.assign(new Error(code), { code });
    return real[name](...args);
  };
jest.unstable_mockModule('./durable-file.js', () => ({
  ...real,
  writeDurably: failing('writeDurably', 'ENOSPC'),
  syncDirectory: failing('syncDirectory', 'EIO'),
}));
const { DeltaTable } = await import('./delta-table.js');
const { createTable } = await import('./create-table.js');
const { listLog } = await import('./log-folder.js');

describe('on a disk that fails', () => {
  let folder: string;
  let table: Awaited<ReturnType<typeof DeltaTable.open>>;
  beforeEach(async () => {
    failures = { writeDurably: 0, syncDirectory: 0 };
    folder = newFolder();
    await createTable(folder, definition, duckdb);
    table = await DeltaTable.open(folder, duckdb);
  });
  const entries = async () => (await listLog(folder)).entries;

  it('a commit that could not be written is tried again', async () => {
    failures.writeDurably = 2;
    expect(await table.commit([add('a')])).toBe(1);
  });

  it('a commit that stays unwritten is refused, and the next one takes its version', async () => {
    failures.writeDurably = 3;
    await expect(table.commit([add('a')])).rejects.toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    expect(table.failure).toBeUndefined();
    expect(await entries()).toEqual([0]);
    expect(await table.commit([add('b')])).toBe(1);
    expect([...table.snapshot.files.keys()]).toEqual(['b']);
  });

  it('a commit that is visible but not yet durable finds itself when tried again', async () => {
    failures.syncDirectory = 2;
    expect(await table.commit([add('a')])).toBe(1);
    expect(await table.commit([add('b')])).toBe(2);
    expect(await entries()).toEqual([0, 1, 2]);
  });

  it('after a commit of which nobody knows whether it is durable, only opening the table again leads on', async () => {
    failures.syncDirectory = 3;
    const lost = expect.objectContaining({ code: 'EIO' });
    await expect(table.commit([add('a')])).rejects.toThrow(lost);
    expect(table.failure).toMatchObject({ code: 'EIO' });
    await expect(table.commit([add('a')])).rejects.toThrow(lost);
    failures.syncDirectory = 1;
    await expect(DeltaTable.open(folder, duckdb)).rejects.toThrow(lost); // it vouches for what it shows
    const again = await DeltaTable.open(folder, duckdb);
    expect([...again.snapshot.files.keys()]).toEqual(['a']);
    expect(await again.commit([add('b')])).toBe(2);
  });
});
