import { describe, expect, it } from '@jest/globals';
import { statsOf } from './statistics.js';

describe('statistics', () => {
  it('keep integers exactly, also beyond 2^53', () => {
    const stats = { numRecords: 3, minValues: { id: -1, 'a"b': 0 }, maxValues: { id: 2n ** 63n - 1n, 'a"b': 1 } };
    expect(statsOf(stats)).toBe(
      '{"numRecords":3,"minValues":{"id":-1,"a\\"b":0},"maxValues":{"id":9223372036854775807,"a\\"b":1}}',
    );
    expect(statsOf({ ...stats, minValues: {}, maxValues: {}, nullCount: { id: 0 } })).toBe(
      '{"numRecords":3,"minValues":{},"maxValues":{},"nullCount":{"id":0}}',
    );
  });

  it.each([2 ** 53, 0.5, Number.NaN])('refuse %d, naming the bound', (value) => {
    expect(() => statsOf({ numRecords: 1, minValues: {}, maxValues: { id: value } })).toThrow(/maxValues\.id is/);
  });
});
