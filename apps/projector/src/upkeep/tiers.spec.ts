import { describe, expect, it } from '@jest/globals';
import { firstOutgrown, groups } from './tiers.js';

/** Files of so many rows arrive in bunches; after each, what has outgrown its size is merged. */
function live(bunches: readonly (readonly number[])[]) {
  const files: number[] = [];
  let rewritten = 0;
  let most = 0;
  for (const bunch of bunches) {
    files.push(...bunch);
    const merged = files.splice(firstOutgrown(files));
    if (merged.length === 1) files.push(...merged);
    else if (merged.length > 1) {
      const rows = merged.reduce((sum, count) => sum + count, 0);
      rewritten += rows;
      files.push(rows);
    }
    most = Math.max(most, files.length);
  }
  return { files, rewritten, most, rows: bunches.flat().reduce((sum, count) => sum + count, 0) };
}

describe('what is worth merging', () => {
  it('begins at the oldest file that four times as many rows follow', () => {
    expect(firstOutgrown([])).toBe(0);
    expect(firstOutgrown([5])).toBe(1);
    expect(firstOutgrown([1, 1, 1, 1])).toBe(4);
    expect(firstOutgrown([1, 1, 1, 1, 1])).toBe(0);
    expect(firstOutgrown([100, 1, 1, 1, 1, 1])).toBe(1);
    expect(firstOutgrown([100, 20, 379])).toBe(1);
    expect(firstOutgrown([100, 20, 380])).toBe(0);
    expect(firstOutgrown([0, 0])).toBe(2);
  });

  it('rewrites a row a logarithmic number of times, and leaves few files, whatever comes', () => {
    let state = 3;
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
    const shapes: (() => number)[] = [() => 1, () => 1 + random(100), () => (random(10) === 0 ? 10_000 : 1)];
    for (const size of shapes) {
      const bunches = Array.from({ length: 3000 }, () => Array.from({ length: 1 + random(3) }, size));
      const { rewritten, most, rows } = live(bunches);
      const logarithm = Math.log(rows) / Math.log(5);
      expect(rewritten / rows).toBeLessThan(2 * logarithm);
      expect(most).toBeLessThan(5 * logarithm);
    }
  });
});

describe('groups of neighbours', () => {
  const weigh = (items: number[], most = 100) => groups(items, (item) => item, { enough: 10, most });

  it('end when they weigh enough, or have enough members', () => {
    expect(weigh([4, 4, 4, 4, 4, 4, 3, 3])).toEqual([
      [4, 4, 4],
      [4, 4, 4],
      [3, 3],
    ]);
    expect(weigh([1, 1, 1, 1, 1], 2)).toEqual([
      [1, 1],
      [1, 1],
    ]);
  });

  it('of one are none', () => {
    expect(weigh([20, 1, 9, 30])).toEqual([[1, 9]]);
    expect(weigh([])).toEqual([]);
  });
});
