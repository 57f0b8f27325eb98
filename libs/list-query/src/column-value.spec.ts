import { describe, expect, it } from '@jest/globals';
import type { ColumnType } from '#libs/catalog';
import { canonicalText, formatInstant, readInstant } from './column-value.js';

const accepted: [ColumnType, string, string][] = [
  ['text', ' a ', ' a '],
  ['text', '', ''],
  ['boolean', 'false', 'false'],
  ['smallint', '-32768', '-32768'],
  ['smallint', '-0', '0'],
  ['integer', '2147483647', '2147483647'],
  ['bigint', '-9223372036854775808', '-9223372036854775808'],
  ['bigint', '0009007199254740993', '9007199254740993'],
  ['numeric(3,2)', '3.9', '3.90'],
  ['numeric(3,2)', '3.9000', '3.90'],
  ['numeric(3,2)', '4', '4.00'],
  ['numeric(3,2)', '-0.00', '0.00'],
  ['numeric(3,2)', '-0.01', '-0.01'],
  ['numeric(3,2)', '0', '0.00'],
  ['numeric(2,2)', '0.25', '0.25'],
  ['numeric(5,0)', '12345', '12345'],
  ['numeric(5,0)', '10.0', '10'],
  ['numeric(38,10)', '1234567890123456789012345678.0123456789', '1234567890123456789012345678.0123456789'],
  ['date', '2004-02-29', '2004-02-29'],
  ['date', '0001-01-01', '0001-01-01'],
  ['date', '9999-12-31', '9999-12-31'],
  ['timestamptz', '2026-03-01T08:00:00.123456Z', '2026-03-01T08:00:00.123456Z'],
  ['timestamptz', '2026-03-01t08:00:00z', '2026-03-01T08:00:00.000000Z'],
  ['timestamptz', '2026-03-01T00:30:00.5+01:00', '2026-02-28T23:30:00.500000Z'],
  ['timestamptz', '1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
  ['timestamptz', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
  ['timestamptz', '2026-03-01T08:00:00.123456000Z', '2026-03-01T08:00:00.123456Z'],
];

const refused: [ColumnType, string][] = [
  ['text', 'a\0b'],
  ['text', '\ud800'],
  ['boolean', 'TRUE'],
  ['boolean', '1'],
  ['smallint', '32768'],
  ['smallint', '1.0'],
  ['smallint', ''],
  ['smallint', ' 1'],
  ['integer', '1e3'],
  ['bigint', '9223372036854775808'],
  ['bigint', '1'.repeat(10_000)],
  ['numeric(3,2)', '3.901'],
  ['numeric(3,2)', '10'],
  ['numeric(3,2)', 'NaN'],
  ['numeric(3,2)', '1e0'],
  ['numeric(3,2)', '.5'],
  ['numeric(3,2)', '5.'],
  ['numeric(2,2)', '1'],
  ['numeric(3,2)', '0'.repeat(10_000)],
  ['date', '2005-02-29'],
  ['date', '1900-02-29'],
  ['date', '2005-13-01'],
  ['date', '0000-01-01'],
  ['date', '2005-1-1'],
  ['date', '2005-01-01T00:00:00Z'],
  ['timestamptz', '2026-03-01'],
  ['timestamptz', '2026-03-01T08:00:00'],
  ['timestamptz', '2026-03-01T08:00:00.1234567Z'],
  ['timestamptz', '2026-03-01T24:00:00Z'],
  ['timestamptz', '2026-03-01T08:00:60Z'],
  ['timestamptz', '2026-02-30T08:00:00Z'],
  ['timestamptz', '2026-03-01T08:00:00 01:00'],
  ['timestamptz', '0001-01-01T00:00:00+01:00'],
  ['timestamptz', '9999-12-31T23:30:00-01:00'],
];

describe('a column value', () => {
  it.each(accepted)('of %s reads %s as %s', (type, text, canonical) => {
    expect(canonicalText(type, text)).toBe(canonical);
  });

  it.each(refused)('of %s is not %s', (type, text) => {
    expect(canonicalText(type, text)).toMatchObject({ wanted: expect.any(String) });
  });

  it('keeps every microsecond of an instant', () => {
    for (const instant of [-62_135_596_800_000_000n, -1n, 0n, 1_772_352_000_123_456n, 253_402_300_799_999_999n])
      expect(readInstant(formatInstant(instant))).toBe(instant);
  });
});
