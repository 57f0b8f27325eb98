/**
 * Debezium's JSON values in Postgres' own text output (ISO dates, UTC, hex bytea), as every adapter gives them. A value's
 * JSON does not say its type, so the column's is needed: `2024-01-01Z` may be a date or a text.
 *
 * Settings of the connector that this undoes: decimal.handling.mode=string, time.precision.mode=isostring,
 * binary.handling.mode=hex, interval.handling.mode=string, include.unknown.datatypes=true.
 */
import { arrayText } from './array-text.js';
import { dateText, intervalText, timeText, timestampText } from './time-text.js';
import type { JsonValue } from './record.js';

/** Postgres' name of a type (pg_type.typname); an array's begins with `_`. */
export type TypeName = string;

const specialNumerics: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity',
};

/** Types whose JSON is their text: a string, or a whole number's digits. */
const plain = new Set(
  'text varchar bpchar char name int2 int4 int8 oid json jsonb uuid xml inet cidr macaddr macaddr8 citext ltree'.split(
    ' ',
  ),
);

const texts: Readonly<Record<string, (value: string) => string>> = {
  numeric: (value) => specialNumerics[value] ?? value,
  date: dateText,
  timestamp: (value) => timestampText(value, ''),
  timestamptz: (value) => timestampText(value, '+00'),
  time: (value) => timeText(value, ''),
  timetz: (value) => timeText(value, '+00'),
  interval: intervalText,
  bytea: (value) => `\\x${value}`,
  // its least and greatest exponent in plain digits: src/backend/utils/adt/float.c, extra_float_digits = 1 and above
  float4: (value) => floatText(value, 6),
  float8: (value) => floatText(value, 15),
};

/** `enums`: names of the database's enum types, whose JSON is their label. */
export function canonicalText(value: JsonValue, type: TypeName, enums: ReadonlySet<string> = new Set()): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return arrayText(value, (element) => canonicalText(element, type.slice(1), enums));
  if (type === 'bool') return value ? 't' : 'f';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (plain.has(type) || enums.has(type)) return text;
  const convert = texts[type];
  // a type that Debezium does not know comes as the bytes of its text
  return convert ? convert(text) : Buffer.from(text, 'hex').toString('utf8');
}

function floatText(text: string, digits: number): string {
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  if (Object.is(value, -0)) return '-0';
  const [mantissa, power] = value.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (value !== 0 && (exponent < -4 || exponent >= digits)) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  return exponent < 0 ? value.toFixed(mantissa.replace(/^-?\d\.?/, '').length - exponent) : String(value);
}
