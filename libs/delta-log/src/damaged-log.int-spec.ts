/** A log that a crash, a disk, a half-restored backup or another program left so: nothing of it is guessed or passed over. */
import { copyFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { add, definition, duckdb, newFolder, remove } from '../test/temporary-table.js';
import { checkpoint } from './checkpoint.js';
import { readCommit } from './commit.js';
import { createTable } from './create-table.js';
import { DeltaTable } from './delta-table.js';
import { lastCheckpoint, loadSnapshot } from './load-snapshot.js';
import { checkpointPath, entryPath, lastCheckpointPath, logFolder } from './log-folder.js';

let folder: string;
let table: DeltaTable;
/** Versions 1 to 6, each with a file of its own; a checkpoint of 3. */
beforeEach(async () => {
  folder = newFolder();
  await createTable(folder, definition, duckdb);
  table = await DeltaTable.open(folder, duckdb);
  for (let version = 1; version <= 6; version++) {
    await table.commit([add(`${version}.parquet`)]);
    if (version === 3) await checkpoint(folder, table.snapshot, duckdb);
  }
});

const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });
const corrupt = (version: number, problem: RegExp) => {
  const file = entryPath(folder, version);
  return expect.objectContaining({ code: 'corrupt-log', file, message: expect.stringMatching(problem) });
};
const load = () => loadSnapshot(folder, duckdb);

describe('an entry', () => {
  it.each(['', '\n', '\n\n'])('without an action (%j) is no commit of nothing', async (text) => {
    writeFileSync(entryPath(folder, 5), text);
    await expect(load()).rejects.toThrow(corrupt(5, /holds no action/));
    await expect(readCommit(folder, 5)).rejects.toThrow(corrupt(5, /holds no action/));
  });

  it.each([
    '[{"add":{"path":"a.parquet"}}]',
    '{"add":null}',
    '{"add":"a.parquet"}',
    '{"add":{}}',
    '{"remove":{"path":7}}',
    '{"metaData":[]}',
    '{"txn":{"version":1}}',
  ])('with %s is refused, and its action not left out', async (line) => {
    writeFileSync(entryPath(folder, 5), `{"commitInfo":{}}\n${line}\n`);
    await expect(load()).rejects.toThrow(corrupt(5, /line 2/));
  });

  it('with actions that no protocol of ours has is read, and those are passed over', async () => {
    writeFileSync(entryPath(folder, 5), '{"commitInfo":{}}\n{"newKind":{"path":1}}\n{"cdc":{"path":"_change_data/x"}}');
    expect([...(await load())!.files.keys()]).toEqual([1, 2, 3, 4, 6].map((version) => `${version}.parquet`));
  });
});

describe('a gap in the log', () => {
  it('behind the newest checkpoint is told by name, and no older state taken for the newest', async () => {
    rmSync(entryPath(folder, 5));
    await expect(load()).rejects.toThrow(corrupt(5, /missing.*newer/));
    await expect(DeltaTable.open(folder, duckdb)).rejects.toThrow(corrupt(5, /missing/));
    expect(readdirSync(logFolder(folder))).not.toContain(`${'5'.padStart(20, '0')}.json`);
  });

  it('before a newer checkpoint is passed over by it, wherever the hint points', async () => {
    await checkpoint(folder, table.snapshot, duckdb); // of version 6
    rmSync(entryPath(folder, 5));
    writeFileSync(lastCheckpointPath(folder), '{"version":3}');
    expect([(await load())!.version, (await load())!.files.size]).toEqual([6, 6]);
  });

  it('up to an entry whose number no log comes to is told as well', async () => {
    copyFileSync(entryPath(folder, 6), join(logFolder(folder), '99999999999999999999.json'));
    await expect(load()).rejects.toThrow(corrupt(7, /missing/));
  });
});

describe('checkpoints of other programs', () => {
  const others = (version: number, ...rest: string[]) =>
    rest.map((name) => join(logFolder(folder), `${String(version).padStart(20, '0')}.checkpoint.${name}`));
  const parts = ['0000000001.0000000002.parquet', '0000000002.0000000002.parquet'];

  it('in several parts are not needed where the entries are there', async () => {
    for (const path of others(5, ...parts)) copyFileSync(checkpointPath(folder, 3), path);
    writeFileSync(lastCheckpointPath(folder), '{"version":5,"size":9,"parts":2}');
    expect((await load())!.files.size).toBe(6);
  });

  it.each([
    ['in several parts', parts],
    ['of the second version', ['80a083e8-7026-4e79-81be-64bd76c43a11.parquet']],
    ['of the second version as JSON', ['80a083e8-7026-4e79-81be-64bd76c43a11.json']],
  ])('%s are refused by name where they alone lead to the entries', async (_, names) => {
    for (const path of others(5, ...names)) copyFileSync(checkpointPath(folder, 3), path);
    rmSync(checkpointPath(folder, 3));
    for (let version = 0; version <= 5; version++) rmSync(entryPath(folder, version));
    await expect(load()).rejects.toThrow(failure('unsupported-checkpoint', /0{19}5\.checkpoint\./));
  });

  it('without a protocol are as good as none', async () => {
    await duckdb.run(
      `COPY (SELECT NULL::STRUCT("path" VARCHAR) AS add) TO '${checkpointPath(folder, 6).replaceAll("'", "''")}' (FORMAT parquet)`,
    );
    writeFileSync(lastCheckpointPath(folder), '{"version":6}');
    expect((await load())!.files.size).toBe(6);
  });
});

describe('the newest checkpoint', () => {
  it.each(['{"version":3}', '{"version":4000000}', '{"version":-7}', '{"version":1}', '', 'null'])(
    'is that of the log, whatever the hint says: %s',
    async (hint) => {
      writeFileSync(lastCheckpointPath(folder), hint);
      expect(await lastCheckpoint(folder)).toBe(3);
    },
  );

  it('is 0 where there is none', async () => {
    rmSync(checkpointPath(folder, 3));
    expect(await lastCheckpoint(folder)).toBe(0);
  });
});

describe('a file', () => {
  const unsupported = (path: string) => failure('unsupported-file', new RegExp(`${path} of table things`));

  it.each([
    ['dv.parquet', { deletionVector: { storageType: 'u', pathOrInlineDv: 'x', offset: 1, sizeInBytes: 1 } }],
    ['a%20b.parquet', {}],
    ['is_current=a%2525b/x.parquet', {}],
    ['/elsewhere/x.parquet', {}],
    ['s3://bucket/x.parquet', {}],
    ['../other/x.parquet', {}],
  ])('%s that would be misread is refused by name, added or removed', async (path, more) => {
    const file = { ...add(path).add, ...more };
    for (const action of [{ add: file }, { remove: { ...remove(path).remove, ...more } }]) {
      await expect(table.commit([action])).rejects.toThrow(unsupported(path.slice(-9)));
      writeFileSync(entryPath(folder, 7), `{"commitInfo":{}}\n${JSON.stringify(action)}\n`);
      await expect(load()).rejects.toThrow(unsupported(path.slice(-9)));
      rmSync(entryPath(folder, 7));
    }
    expect(table.snapshot.version).toBe(6);
  });
});

describe('a table that needs a newer protocol', () => {
  it('is refused under its name', async () => {
    const protocol = { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['deletionVectors'] };
    writeFileSync(entryPath(folder, 7), `{"commitInfo":{}}\n${JSON.stringify({ protocol })}\n`);
    await expect(load()).rejects.toThrow(failure('unsupported-table', /table things .*3\/7.*deletionVectors/));
  });
});
