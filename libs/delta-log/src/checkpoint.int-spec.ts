import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { add, definition, duckdb, newFolder, remove } from '../test/temporary-table.js';
import { checkpoint, readCheckpoint } from './checkpoint.js';
import { cleanLog } from './clean-log.js';
import { createTable } from './create-table.js';
import { DeltaTable } from './delta-table.js';
import { checkpointPath, lastCheckpointPath, listLog, logFolder } from './log-folder.js';

async function newTable(): Promise<{ folder: string; table: DeltaTable }> {
  const folder = newFolder();
  await createTable(folder, definition, duckdb);
  return { folder, table: await DeltaTable.open(folder, duckdb) };
}

describe('a checkpoint', () => {
  it('keeps tombstones for the retention of the table, and drops older ones', async () => {
    const { folder, table } = await newTable();
    const now = Date.now();
    const retention = 2 * 3_600_000;
    await table.commit([add('a'), remove('expired', now - retention - 1), remove('kept', now - retention)]);
    await checkpoint(folder, table.snapshot, duckdb, now);
    const actions = await readCheckpoint(folder, 1, duckdb);
    expect(actions.filter((action) => 'remove' in action)).toEqual([remove('kept', now - retention)]);
  });

  it('is named by _last_checkpoint with its size, and leaves no draft', async () => {
    const { folder, table } = await newTable();
    await table.commit([add('a'), add('b'), { txn: { appId: 'x', version: 1 } }]);
    await checkpoint(folder, table.snapshot, duckdb);
    expect(JSON.parse(readFileSync(lastCheckpointPath(folder), 'utf8'))).toEqual({
      version: 1,
      size: 5,
      sizeInBytes: statSync(checkpointPath(folder, 1)).size,
      numOfAddFiles: 2,
    });
    expect(readdirSync(logFolder(folder)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is of the version at its call, though the table goes on while it is written', async () => {
    const { folder, table } = await newTable();
    await table.commit([add('a')]);
    const written = checkpoint(folder, table.snapshot, duckdb);
    await table.commit([remove('a'), add('b')]);
    await written;
    expect((await readCheckpoint(folder, 1, duckdb)).filter((action) => 'add' in action)).toEqual([add('a')]);
  });

  it('of a version that is cleaned up while it is written does not bring that back', async () => {
    const { folder, table } = await newTable();
    const sleeper = await DeltaTable.open(folder, duckdb);
    for (const path of ['a', 'b', 'c']) await table.commit([add(path)]);
    await checkpoint(folder, table.snapshot, duckdb);
    const slow = {
      runAndReadAll: async (sql: string) => {
        await cleanLog(folder, table.snapshot, { now: Date.now() + 1000, retention: 0 });
        return duckdb.runAndReadAll(sql);
      },
    } as unknown as DuckDBConnection;
    await expect(checkpoint(folder, sleeper.snapshot, slow)).rejects.toThrow(
      expect.objectContaining({ code: 'log-moved-on', version: 0 }),
    );
    expect(await listLog(folder)).toMatchObject({ entries: [3], checkpoints: [3] });
    expect(readFileSync(lastCheckpointPath(folder), 'utf8')).toContain('"version":3');
    await expect(sleeper.commit([add('lost')])).rejects.toThrow(expect.objectContaining({ code: 'fenced' }));
  });

  it('keeps every bit of a 53-bit position', async () => {
    const { folder, table } = await newTable();
    const txn = { appId: 'position', version: 2 ** 53 - 1 };
    await table.commit([{ txn }]);
    await checkpoint(folder, table.snapshot, duckdb);
    expect(await readCheckpoint(folder, 1, duckdb)).toContainEqual({ txn });
  });

  it('of thousands of files names each of them, in the order of the log', async () => {
    const { folder, table } = await newTable();
    const files = Array.from({ length: 2500 }, (_, i) => add(`file-${i}`));
    await table.commit(files);
    await checkpoint(folder, table.snapshot, duckdb);
    expect((await readCheckpoint(folder, 1, duckdb)).filter((action) => 'add' in action)).toEqual(files);
  });
});
