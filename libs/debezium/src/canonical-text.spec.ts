import { describe, expect, it } from '@jest/globals';
import { canonicalText } from './canonical-text.js';
import type { JsonValue } from './record.js';

/** What Debezium 3.7 was seen to send, and what Postgres 18 prints. */
const texts: readonly [type: string, value: JsonValue, text: string | null][] = [
  ['text', 'ü 🎓', 'ü 🎓'],
  ['text', '1815-12-10Z', '1815-12-10Z'],
  ['text', null, null],
  ['bool', true, 't'],
  ['bool', false, 'f'],
  ['int2', -5, '-5'],
  ['int8', '9007199254740993', '9007199254740993'],
  ['numeric', '3.90', '3.90'],
  ['numeric', 'NAN', 'NaN'],
  ['numeric', 'POSITIVE_INFINITY', 'Infinity'],
  ['numeric', 'NEGATIVE_INFINITY', '-Infinity'],
  ['date', '1815-12-10Z', '1815-12-10'],
  ['date', '+12345-01-01Z', '12345-01-01'],
  ['date', '-0043-03-15Z', '0044-03-15 BC'],
  ['date', '0000-01-01Z', '0001-01-01 BC'],
  ['date', '+5877611-06-21Z', 'infinity'],
  ['date', '-5877641-06-24Z', '-infinity'],
  ['timestamptz', '2024-01-02T01:04:05.678900Z', '2024-01-02 01:04:05.6789+00'],
  ['timestamptz', '2024-01-02T01:04:05.000000Z', '2024-01-02 01:04:05+00'],
  ['timestamptz', '-0043-03-15T00:00:00.000000Z', '0044-03-15 00:00:00+00 BC'],
  ['timestamptz', '-infinity', '-infinity'],
  ['timestamp', '2024-01-02T03:04:05.6Z', '2024-01-02 03:04:05.6'],
  ['time', '03:04:05.123400Z', '03:04:05.1234'],
  ['interval', 'P0Y0M1DT2H3M0S', '1 day 02:03:00'],
  ['interval', 'P1Y2M3DT4H5M6.789S', '1 year 2 mons 3 days 04:05:06.789'],
  ['interval', 'P0Y0M0DT0H0M0S', '00:00:00'],
  ['bytea', 'deadbeef', '\\xdeadbeef'],
  ['bytea', '', '\\x'],
  ['jsonb', '{"k": [1, 2]}', '{"k": [1, 2]}'],
  ['float8', 0.1, '0.1'],
  ['float8', 0.00012, '0.00012'],
  ['float8', 0.000012, '1.2e-05'],
  ['float8', 123456789012345, '123456789012345'],
  ['float8', '1000000000000000', '1e+15'],
  ['float8', '1.5E300', '1.5e+300'],
  ['float4', 999999, '999999'],
  ['float4', 1000000, '1e+06'],
  ['_text', ['a', null, 'b c', '', 'NULL', 'q"\\'], '{a,NULL,"b c","","NULL","q\\"\\\\"}'],
  [
    '_int4',
    [
      [1, 2],
      [3, 4],
    ],
    '{{1,2},{3,4}}',
  ],
  ['_bool', [true, null], '{t,NULL}'],
  ['regclass', Buffer.from('pg_class').toString('hex'), 'pg_class'],
  ['xid8', Buffer.from('755').toString('hex'), '755'],
];

describe('a value as Debezium sends it', () => {
  it.each(texts)('of type %s, %j, has the text that Postgres prints', (type, value, text) => {
    expect(canonicalText(value, type)).toBe(text);
  });

  it('of an enum is its label', () => {
    expect(canonicalText('ab', 'mood', new Set(['mood']))).toBe('ab');
  });
});
