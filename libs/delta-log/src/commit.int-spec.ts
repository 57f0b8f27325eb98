import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { add, definition, newFolder } from '../test/temporary-table.js';
import { outputOf, runChild } from '../test/child-process.js';
import { commit, readCommit } from './commit.js';
import { firstActions } from './create-table.js';
import { entryPath, logFolder } from './log-folder.js';

const fenced = (version: number) => expect.objectContaining({ code: 'fenced', version });

describe('a commit', () => {
  let folder: string;
  beforeEach(async () => {
    folder = newFolder();
    mkdirSync(logFolder(folder), { recursive: true });
    await commit(folder, 0, 'first', firstActions(definition, 'table-id', 1_767_225_600_000));
  });

  it('of version 0 is exactly these bytes', () => {
    expect(readFileSync(entryPath(folder, 0), 'utf8')).toBe(
      String.raw`{"commitInfo":{"timestamp":1767225600000,"operation":"CREATE TABLE","operationParameters":{},"commitId":"first"}}
{"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
{"metaData":{"id":"table-id","name":"things","format":{"provider":"parquet","options":{}},"schemaString":"{\"type\":\"struct\",\"fields\":[{\"name\":\"id\",\"type\":\"long\",\"nullable\":false,\"metadata\":{}},{\"name\":\"is_current\",\"type\":\"boolean\",\"nullable\":false,\"metadata\":{}}]}","partitionColumns":["is_current"],"configuration":{"delta.deletedFileRetentionDuration":"interval 2 hours","delta.logRetentionDuration":"interval 24 hours","migsbyu.epoch":"{\"database\":\"d'é\\\"\"}"},"createdTime":1767225600000}}
`,
    );
  });

  it('leaves its entry and nothing else in the log', async () => {
    await commit(folder, 1, 'second', [add('a')]);
    await expect(commit(folder, 1, 'third', [add('b')])).rejects.toThrow(fenced(1));
    expect(readdirSync(logFolder(folder)).sort()).toEqual(['00000000000000000000.json', '00000000000000000001.json']);
  });

  it('of a version that another made is fenced, and changes nothing', async () => {
    await commit(folder, 1, 'mine', [add('a')]);
    await expect(commit(folder, 1, 'theirs', [add('b')])).rejects.toThrow(fenced(1));
    expect(await readCommit(folder, 1)).toEqual([{ commitInfo: { commitId: 'mine' } }, add('a')]);
  });

  it('tried again after an unclear answer finds itself', async () => {
    await commit(folder, 1, 'mine', [add('a')]);
    await commit(folder, 1, 'mine', [add('a')]);
    expect(await readCommit(folder, 2)).toBeNull();
  });

  it('does not pass over a version: a writer whose log was cleaned up meanwhile is fenced', async () => {
    await expect(commit(folder, 2, 'late', [add('a')])).rejects.toThrow(fenced(2));
    expect(readdirSync(logFolder(folder))).toEqual(['00000000000000000000.json']);
  });

  it('without a log says so, and fences nobody', async () => {
    rmSync(folder, { recursive: true });
    await expect(commit(folder, 1, 'x', [])).rejects.toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});

describe('reading a commit', () => {
  it('is null for the next version, and an error for one that will never come', async () => {
    const folder = newFolder();
    expect(await readCommit(folder, 0)).toBeNull();
    await expect(readCommit(folder, 1)).rejects.toThrow(expect.objectContaining({ code: 'log-moved-on', version: 0 }));
  });

  it('takes no draft for a version', async () => {
    const folder = newFolder();
    mkdirSync(logFolder(folder), { recursive: true });
    writeFileSync(`${logFolder(folder)}/.0b.draft`, '{"add":');
    expect(await readCommit(folder, 0)).toBeNull();
  });

  it('never meets a part of an entry while another process commits', async () => {
    const folder = newFolder();
    mkdirSync(logFolder(folder), { recursive: true });
    const versions = 1000;
    const filler = 'x'.repeat(20_000); // several pages, so that a half entry could be seen
    const writer = runChild(
      `const { commit } = await import('../src/commit.ts');
       for (let version = 0; version < ${versions}; version++)
         await commit(folder, version, 'id', [{ commitInfo: { version, filler: '${filler}' } }]);`,
      folder,
    );
    const ended = outputOf(writer);
    const entries: unknown[] = [];
    for (let over = false, actions; (actions = await readCommit(folder, entries.length)) || !over;) {
      over = writer.exitCode !== null;
      if (actions) entries.push(actions);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    expect(entries).toEqual(
      Array.from({ length: versions }, (_, version) => [{ commitInfo: { version, filler, commitId: 'id' } }]),
    );
    expect(readdirSync(logFolder(folder))).toHaveLength(versions);
  }, 60_000);
});
