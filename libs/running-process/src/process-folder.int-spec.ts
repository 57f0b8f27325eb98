import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { processFolder } from './process-folder.js';

const root = mkdtempSync(join(tmpdir(), 'process-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('a folder of a process', () => {
  it('is its own, beside others of the same process', async () => {
    const parent = join(root, 'a', 'b');
    const folders = [await processFolder(parent, 'merge'), await processFolder(parent, 'merge')];
    expect(new Set(folders).size).toBe(2);
    expect(
      readdirSync(parent)
        .map((name) => join(parent, name))
        .sort(),
    ).toEqual(folders.sort());
  });

  it('takes the place of those that killed processes left, and of nothing else', async () => {
    const parent = join(root, 'killed');
    const others = ['merge-notes', 'merged-999999999-5-abc', 'sort-999999999-5-abc'];
    const left = [`merge-${process.pid}-1-abc`, 'merge-999999999-5-abc'];
    for (const name of [...others, ...left]) mkdirSync(join(parent, name, 'spill'), { recursive: true });
    const folder = await processFolder(parent, 'merge');
    expect(
      readdirSync(parent)
        .filter((name) => join(parent, name) !== folder)
        .sort(),
    ).toEqual(others);
  });
});
