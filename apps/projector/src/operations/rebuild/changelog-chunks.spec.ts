import { describe, expect, it } from '@jest/globals';
import type { AddFile } from '#libs/delta-log';
import { changelogTags } from '#libs/lake';
import { chunkEnd } from './changelog-chunks.js';

/** Files by their first and last positions and times. */
function changelogOf(...files: [first: number, last: number, from: number, to: number][]) {
  const entries = files.map(([first, last, from, to], i): [string, AddFile] => {
    const tags = {
      ...{ [changelogTags.firstPosition]: String(first), [changelogTags.lastPosition]: String(last) },
      ...{ [changelogTags.firstEffectiveAt]: String(from), [changelogTags.lastEffectiveAt]: String(to) },
    };
    const path = `${i}.parquet`;
    return [path, { path, partitionValues: {}, size: 1, modificationTime: 0, dataChange: true, tags }];
  });
  return { files: new Map(entries) };
}

describe('a chunk of the changelog', () => {
  const plain = changelogOf([1, 10, 1, 4], [11, 20, 5, 8], [21, 30, 9, 9]);

  it('ends with a file, when it is large enough', () => {
    expect([1, 10, 11, 20, 21].map((size) => chunkEnd(plain, 0, size))).toEqual([10, 10, 20, 20, 30]);
    expect(chunkEnd(plain, 10, 5)).toBe(20);
  });

  it('begins in the middle of a file that was merged meanwhile', () => {
    expect(chunkEnd(changelogOf([1, 30, 1, 9], [31, 40, 10, 11]), 20, 10)).toBe(30);
  });

  it('ends with what there is, and there is none after the last', () => {
    expect(chunkEnd(plain, 0, 1000)).toBe(30);
    expect(chunkEnd(plain, 30, 1)).toBeNull();
    expect(chunkEnd(changelogOf(), 0, 1)).toBeNull();
  });

  it('never ends inside a transaction that lies in several files', () => {
    const snapshot = changelogOf([1, 10, 1, 4], [11, 20, 5, 7], [21, 30, 7, 7], [31, 40, 7, 9], [41, 50, 10, 10]);
    expect(chunkEnd(snapshot, 0, 5)).toBe(10);
    expect(chunkEnd(snapshot, 10, 5)).toBe(40);
    expect(chunkEnd(snapshot, 10, 25)).toBe(40);
  });

  it('takes the files in the order of their positions, however the log lists them', () => {
    expect(chunkEnd(changelogOf([21, 30, 9, 9], [1, 10, 1, 4], [11, 20, 5, 8]), 0, 5)).toBe(10);
  });
});
