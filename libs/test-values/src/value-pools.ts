/** Texts of a column's values: those that its type takes, and those that only a wider type of the source does. */
import type { ColumnType } from '#libs/catalog';

const texts = ['Ada', '', 'Zoë "💥" O\'Néill\\', 'line\nbreak\u2028\ttab', 'NULL', "'; --", '{"a":1}'];

const usual: Readonly<Record<string, readonly string[]>> = {
  text: texts,
  boolean: ['t', 'f'],
  smallint: ['0', '-32768', '32767', '7'],
  integer: ['-2147483648', '2147483647', '0', '12'],
  bigint: ['9223372036854775807', '-9223372036854775808', '0', '9007199254740993'],
  date: ['2004-12-10', '0001-01-01', '9999-12-31', '1969-12-31', '2000-02-29'],
  timestamptz: [
    ...['2026-03-01 08:00:00.123456+00', '0001-01-01 00:00:00+00', '9999-12-31 23:59:59.999999+00'],
    '1969-07-20 20:17:40.5+00',
  ],
};

const odd: Readonly<Record<string, readonly string[]>> = {
  smallint: ['40000', '-32769'],
  integer: ['3000000000', '1.5', '', 'seven'],
  bigint: ['9223372036854775808', '1e5', ' 1'],
  date: ['infinity', '-infinity', '0044-03-15 BC', '10000-01-01'],
  timestamptz: ['infinity', '-infinity', '0044-03-15 12:00:00+00 BC', '12345-06-07 08:09:10+00'],
};

function numerics(type: string): { usual: readonly string[]; odd: readonly string[] } {
  const [precision, scale] = /(\d+),(\d+)/.exec(type)!.slice(1).map(Number) as [number, number];
  const whole = '9'.repeat(precision - scale) || '0';
  const most = scale > 0 ? `${whole}.${'9'.repeat(scale)}` : whole;
  return {
    usual: ['0.00', most, `-${most}`, '1', '-0.0', '1.50'.slice(0, 2 + scale)],
    odd: ['NaN', 'Infinity', '-Infinity', `0.${'0'.repeat(scale)}1`, `1${whole}`],
  };
}

export const valuesOf = (type: ColumnType): { usual: readonly string[]; odd: readonly string[] } =>
  type.startsWith('numeric') ? numerics(type) : { usual: usual[type]!, odd: odd[type] ?? [] };
