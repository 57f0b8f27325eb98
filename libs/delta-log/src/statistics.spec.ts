import { describe, expect, it } from '@jest/globals';
import { mergedStats, recordsOf, statsOf } from './statistics.js';

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

  it('of several files bound all of their rows, exactly', () => {
    const file = (min: bigint, max: bigint) =>
      statsOf({ numRecords: 2, minValues: { id: min, day: min }, maxValues: { id: max, day: max } });
    const files = [file(5n, 7n), file(-(2n ** 63n), 6n), file(2n ** 53n + 1n, 2n ** 63n - 1n)];
    const bounds = (id: bigint) => ({ id, day: id });
    expect(mergedStats(files, 6)).toBe(
      statsOf({ numRecords: 6, minValues: bounds(-(2n ** 63n)), maxValues: bounds(2n ** 63n - 1n) }),
    );
    expect(recordsOf({ stats: mergedStats(files, 6) })).toBe(6);
  });

  it('of several files leave out what one of them does not bound, or not by integers', () => {
    const files = [
      '{"numRecords":1,"minValues":{"a":1,"b":1,"c":"x"},"maxValues":{"a":1,"b":1.5,"c":"x"}}',
      '{"numRecords":1,"minValues":{"a":0,"c":"y","d":1},"maxValues":{"b":2}}',
    ];
    expect(mergedStats(files, 2)).toBe('{"numRecords":2,"minValues":{"a":0},"maxValues":{}}');
    expect(mergedStats(['{"numRecords":1}'], 1)).toBe('{"numRecords":1,"minValues":{},"maxValues":{}}');
    expect(recordsOf({})).toBeNaN();
  });
});
