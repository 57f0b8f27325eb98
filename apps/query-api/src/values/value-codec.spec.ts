import { describe, expect, it } from '@jest/globals';
import type { SqlValue } from '../follower/reader.js';
import { canonicalTextOf, jsonValue, type ValueType } from './value-codec.js';

const shown: [ValueType, SqlValue, unknown][] = [
  ['numeric(3,2)', '3.90', 3.9],
  ['numeric(3,2)', '0.00', 0],
  ['numeric(3,2)', '-0.01', -0.01],
  ['numeric(15,2)', '9999999999999.99', 9999999999999.99],
  ['numeric(16,2)', '10.50', '10.50'],
  ['bigint', 9007199254740993n, '9007199254740993'],
  ['bigint', 1n, '1'],
  ['position', 4711n, 4711],
  ['smallint', -1, -1],
  ['date', '0001-01-01', '0001-01-01'],
  ['timestamptz', 1_772_352_000_123_456n, '2026-03-01T08:00:00.123456Z'],
  ['timestamptz', -1n, '1969-12-31T23:59:59.999999Z'],
  ['boolean', false, false],
  ['text', '', ''],
  ['numeric(3,2)', null, null],
];

describe('a value', () => {
  it.each(shown)('of %s, %p in the lake, is %p in JSON', (type, value, json) => {
    expect(jsonValue(type, value)).toBe(json);
  });

  it('keeps all of itself in a cursor', () => {
    expect(canonicalTextOf('numeric(3,2)', '3.90')).toBe('3.90');
    expect(canonicalTextOf('timestamptz', 1_772_352_000_123_456n)).toBe('2026-03-01T08:00:00.123456Z');
    expect(canonicalTextOf('bigint', 9007199254740993n)).toBe('9007199254740993');
    expect(canonicalTextOf('boolean', true)).toBe('true');
    expect(canonicalTextOf('text', null)).toBeNull();
  });
});
