import { describe, expect, it } from '@jest/globals';
import { canonicalText, isTold } from './canonical-text.js';
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
  ['date', '-5877611-06-22Z', '-infinity'],
  ['date', '+292278994-08-16Z', 'infinity'],
  ['date', '+292269055-12-02Z', '-infinity'],
  ['date', '1582-10-10Z', '1582-10-10'],
  ['timestamptz', '2024-01-02T01:04:05.678900Z', '2024-01-02 01:04:05.6789+00'],
  ['timestamptz', '2024-01-02T01:04:05.000000Z', '2024-01-02 01:04:05+00'],
  ['timestamptz', '-0043-03-15T00:00:00.000000Z', '0044-03-15 00:00:00+00 BC'],
  ['timestamptz', '-infinity', '-infinity'],
  ['timestamp', '+292278994-08-16T23:00:00Z', 'infinity'],
  ['timestamp', '-292275055-05-16T23:00:00Z', '-infinity'],
  ['timestamp', '+294276-12-31T23:59:59.999999Z', '294276-12-31 23:59:59.999999'],
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
  ['float8', -0, '-0'],
  ['float8', 4.9e-324, '5e-324'],
  ['float8', 0, '0'],
  ['float4', -0, '-0'],
  ['float4', 1.4e-45, '1e-45'],
  ['float4', '1.6777216E7', '1.6777216e+07'],
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
  ['money', '-1000000.00', '-$1,000,000.00'],
  ['money', '0.05', '$0.05'],
  ['numeric', `12300.${'0'.repeat(2046)}`, '12300'],
  ['numeric', '1.000', '1.000'],
  ['hstore', '{"bb":"x","é":null,"a":"q\\"","":"1"}', '""=>"1", "a"=>"q\\"", "bb"=>"x", "é"=>NULL'],
  ['tsvector', "'a':1 'b':2A", "'a':1 'b':2A"],
  ['daterange', '[2024-01-01,infinity)', '[2024-01-01,infinity)'],
  ['point', { x: -0.5, y: 1e300, wkb: '', srid: null }, '(-0.5,1e+300)'],
  ['point', { x: 'NaN', y: 'Infinity', wkb: '', srid: null }, '(NaN,Infinity)'],
  ['line', { a: 1, b: -1, c: 0 }, '{1,-1,0}'],
  ['circle', { center: { x: 0, y: 0 }, radius: 1.5 }, '<(0,0),1.5>'],
  ['regclass', Buffer.from('pg_class').toString('hex'), 'pg_class'],
  ['xid8', Buffer.from('755').toString('hex'), '755'],
];

describe('a value as Debezium sends it', () => {
  it.each(texts)('of type %s, %j, has the text that Postgres prints', (type, value, text) => {
    expect(canonicalText(value, type)).toBe(text);
  });

  it.each([
    ['a date in a snapshot that may be one before our era', '0044-03-15Z', 'date', true],
    ['a date in a snapshot that may be ten days earlier', '1582-10-20Z', 'date', true],
    ['an array of arrays', [null, null], '_int4', false],
    ['an array of arrays of texts', ['[Ljava.lang.String;@2b5648bc'], '_text', false],
    ['what is no bytes, of a type that Debezium does not know', '{"a":1}', 'nonsense', false],
  ] as const)('is refused where it is %s', (_name, value, type, jdbc) => {
    expect(() => canonicalText(value, type, { jdbc })).toThrow(expect.objectContaining({ code: 'ambiguous-value' }));
  });

  it.each(['timetz', 'bit', 'varbit', '_bit', '_numeric', '_point', '_mood', 'geometry'])(
    'of type %s is not told',
    (type) => expect(isTold(type, new Set(['mood']))).toBe(false),
  );

  it.each(['mood', 'numeric', '_int4', 'point', 'anything'])('of type %s is told', (type) =>
    expect(isTold(type, new Set(['mood']))).toBe(true),
  );

  it('of an enum is its label', () => {
    expect(canonicalText('ab', 'mood', { enums: new Set(['mood']) })).toBe('ab');
  });
});
