import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { newFolder } from '../test/temporary-table.js';
import { writeDataFile } from './data-file.js';

describe('a data file', () => {
  let folder: string;
  beforeEach(() => void mkdirSync((folder = newFolder()), { recursive: true }));

  it('has its name when it is complete, and a hidden one before', async () => {
    let while_writing: string[] = [];
    const { path, size } = await writeDataFile(
      folder,
      async (temporary) => {
        await writeFile(temporary, 'rows');
        while_writing = readdirSync(folder);
      },
      'open-',
    );
    expect(while_writing).toEqual([expect.stringMatching(/^\..*\.draft$/)]);
    expect(path).toMatch(/^open-[0-9a-f-]{36}\.parquet$/);
    expect([readdirSync(folder), readFileSync(`${folder}/${path}`, 'utf8'), size]).toEqual([[path], 'rows', 4]);
  });

  it('whose writing fails leaves nothing, and the error is the first one', async () => {
    const writing = writeDataFile(folder, async (temporary) => {
      await writeFile(temporary, 'ro');
      throw new Error('disk full');
    });
    await expect(writing).rejects.toThrow('disk full');
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each(['a b', 'x/', '../', '.', '_x', '%41'])(
    'takes no prefix %j, which a path would have to encode',
    async (prefix) => {
      await expect(writeDataFile(folder, async () => {}, prefix)).rejects.toThrow(RangeError);
    },
  );
});
