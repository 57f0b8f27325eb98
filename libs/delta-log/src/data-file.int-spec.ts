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
    const { path, size } = await writeDataFile(folder, async (temporary) => {
      await writeFile(temporary, 'rows');
      while_writing = readdirSync(folder);
    });
    expect(while_writing).toEqual([expect.stringMatching(/^\..*\.draft$/)]);
    expect(path).toMatch(/^[0-9a-f-]{36}\.parquet$/);
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

  it('of a partition lies in a directory that says so, and is hidden outside of it before', async () => {
    const writing = async (temporary: string) => {
      await writeFile(temporary, 'rows');
      expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\..*\.draft$/)]);
    };
    const { path } = await writeDataFile(folder, writing, { is_current: 'true' });
    expect(path).toMatch(/^is_current=true\/[0-9a-f-]{36}\.parquet$/);
    expect(readFileSync(`${folder}/${path}`, 'utf8')).toBe('rows');
    expect(readdirSync(folder)).toEqual(['is_current=true']);
  });

  it.each(['a b', 'x/', '../', '.', '', '%41', 'é'])(
    'takes no partition %j, which a path would have to encode',
    async (value) => {
      await expect(writeDataFile(folder, async () => {}, { column: value })).rejects.toThrow(RangeError);
      expect(readdirSync(folder)).toEqual([]);
    },
  );
});
