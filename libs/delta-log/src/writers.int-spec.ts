import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { outputOf, runChild } from '../test/child-process.js';
import { add, definition, duckdb, newFolder } from '../test/temporary-table.js';
import { readCommit } from './commit.js';
import { createTable } from './create-table.js';
import { DeltaTable } from './delta-table.js';
import { loadSnapshot } from './load-snapshot.js';
import { logFolder } from './log-folder.js';

describe('several writers of one table', () => {
  it('win each version once between them: the others are fenced', async () => {
    const folder = newFolder();
    await createTable(folder, definition, duckdb);
    for (let round = 1; round <= 20; round++) {
      const tables = await Promise.all(Array.from({ length: 6 }, () => DeltaTable.open(folder, duckdb)));
      const outcomes = await Promise.allSettled(tables.map((table, i) => table.commit([add(`${round}-${i}`)])));
      const winner = outcomes.findIndex(({ status }) => status === 'fulfilled');
      const lost = outcomes.filter((outcome) => outcome.status === 'rejected' && outcome.reason.code === 'fenced');
      expect(lost).toHaveLength(5);
      const actions = (await readCommit(folder, round))!.filter((action) => 'add' in action);
      expect(actions).toEqual([add(`${round}-${winner}`)]);
    }
  });

  it('as processes have, in the log, exactly the versions that each was told it won', async () => {
    const folder = newFolder();
    await createTable(folder, definition, duckdb);
    // Each opens the table anew when fenced, as a standby would.
    const code = `
      const { DuckDBInstance } = await import('@duckdb/node-api');
      const { DeltaTable } = await import('#libs/delta-log');
      const connection = await (await DuckDBInstance.create()).connect();
      for (let won = 0; won < 40; ) {
        const table = await DeltaTable.open(folder, connection);
        try {
          for (; won < 40; won++) {
            const version = await table.commit([{ commitInfo: { writer: rest[0] } }]);
            console.log(version);
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
          }
        } catch (error) {
          if (error.code !== 'fenced') throw error;
        }
      }`;
    const outputs = await Promise.all(['a', 'b', 'c'].map((writer) => outputOf(runChild(code, folder, writer))));
    const won = outputs.map((output) => output.trim().split('\n').map(Number));
    expect(won.map((versions) => versions.length)).toEqual([40, 40, 40]);
    for (let version = 1; version <= 120; version++) {
      const writers = ['a', 'b', 'c'].filter((_, i) => won[i]!.includes(version));
      expect(writers).toHaveLength(1);
      expect((await readCommit(folder, version))![0]).toMatchObject({ commitInfo: { writer: writers[0] } });
    }
    expect(await readCommit(folder, 121)).toBeNull();
  }, 60_000);
});

describe('a writer killed at any moment', () => {
  const kills = 50;

  it('leaves a table with all that it acknowledged, and at most one commit more', async () => {
    const folder = newFolder();
    await createTable(folder, definition, duckdb);
    const code = `
      import { writeFile } from 'node:fs/promises';
      const { DuckDBInstance } = await import('@duckdb/node-api');
      const { checkpoint, DeltaTable, writeDataFile } = await import('#libs/delta-log');
      const connection = await (await DuckDBInstance.create()).connect();
      const table = await DeltaTable.open(folder, connection);
      for (;;) {
        const file = await writeDataFile(folder, (path) => writeFile(path, 'rows'));
        const position = (table.snapshot.transactions.get('position') ?? 0) + 1;
        const add = { ...file, partitionValues: { is_current: 'true' }, modificationTime: 1, dataChange: true };
        console.log(await table.commit([{ add }, { txn: { appId: 'position', version: position } }]));
        if (position % 5 === 0) await checkpoint(folder, table.snapshot, connection);
      }`;
    let before = 0;
    for (let kill = 0; kill < kills; kill++) {
      const writer = runChild(code, folder);
      const output = outputOf(writer);
      await once(writer.stdout!, 'data');
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 25));
      writer.kill('SIGKILL');
      // A last line without its end may be the half of a number, and was not said.
      const acknowledged = Number((await output).split('\n').at(-2));
      const { version, files, transactions } = (await loadSnapshot(folder, duckdb))!;
      expect(acknowledged).toBeGreaterThan(before);
      expect([acknowledged, acknowledged + 1]).toContain(version);
      expect([files.size, transactions.get('position')]).toEqual([version, version]);
      for (const { path, size } of files.values()) expect(statSync(join(folder, path)).size).toBe(size);
      before = version;
    }
    expect(
      readdirSync(logFolder(folder)).filter((name) => name.endsWith('.checkpoint.parquet')).length,
    ).toBeGreaterThan(1);
  }, 120_000);
});
