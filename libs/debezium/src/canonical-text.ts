/**
 * Debezium's JSON values in Postgres' own text output (ISO dates, UTC, hex bytea), as every adapter gives them. A value's
 * JSON does not say its type, so the column's is needed: `2024-01-01Z` may be a date or a text.
 *
 * Settings of the connector that this undoes: decimal.handling.mode=string, time.precision.mode=isostring,
 * binary.handling.mode=hex, interval.handling.mode=string, include.unknown.datatypes=true.
 */
import { AmbiguousValue } from './ambiguous-value.js';
import { arrayText } from './array-text.js';
import { geometricTypes, geometryText } from './geometry-text.js';
import { hstoreText } from './hstore-text.js';
import { floatText, moneyText, numericText } from './number-text.js';
import { dateText, intervalText, timeText, timestampText } from './time-text.js';
import type { JsonValue } from './record.js';

/** Postgres' name of a type (pg_type.typname), of a domain that of its base; an array's begins with `_`. */
export type TypeName = string;

export interface ValueContext {
  /** Names of the database's enum types, whose JSON is their label. */
  readonly enums?: ReadonlySet<string>;
  /** Whether the value was read by JDBC: in a snapshot, and of arrays always. */
  readonly jdbc?: boolean;
}

/** Types whose JSON is their text: a string, or a whole number's digits. */
const plain = new Set([
  ...'text varchar bpchar char name int2 int4 int8 oid json jsonb uuid xml inet cidr macaddr macaddr8'.split(' '),
  ...'citext ltree tsvector int4range int8range numrange daterange tsrange tstzrange'.split(' '),
]);

const texts: Readonly<Record<string, (value: string) => string>> = {
  numeric: numericText,
  timestamp: (value) => timestampText(value, ''),
  timestamptz: (value) => timestampText(value, '+00'),
  time: (value) => timeText(value),
  interval: intervalText,
  bytea: (value) => `\\x${value}`,
  money: moneyText,
  hstore: hstoreText,
};

/** Types of which Debezium tells one value like another: a zone, a length is missing, or all of it. */
const untold = new Set('timetz bit varbit geometry geography vector halfvec sparsevec isbn'.split(' '));
/** Of these it sends arrays as NULL, or in a form of their own. */
const untoldElements = new Set('numeric interval money name xml hstore'.split(' '));

/** Whether every value of the type can be told: a column of another one must not be captured this way. */
export function isTold(type: TypeName, enums: ReadonlySet<string> = new Set()): boolean {
  if (!type.startsWith('_')) return !untold.has(type);
  const element = type.slice(1);
  return !(untold.has(element) || untoldElements.has(element) || geometricTypes.has(element) || enums.has(element));
}

/** Whether a value's JSON is its text. */
export const isPlain = (type: TypeName, enums?: ReadonlySet<string>): boolean =>
  plain.has(type) || enums?.has(type) === true;

/** Which values of a told type come like another one without a sign; null where none does. */
export function toldAlike(type: TypeName): string | null {
  if (type.startsWith('_')) return 'its first index comes as 1';
  return type === 'time' ? '24:00:00 comes as 00:00:00' : null;
}

/** @throws AmbiguousValue */
export function canonicalText(value: JsonValue, type: TypeName, context: ValueContext = {}): string | null {
  if (value === null) return null;
  if (Array.isArray(value)) return elementsText(value, type, context);
  if (isPlain(type, context.enums)) return String(value);
  if (type === 'bool') return value ? 't' : 'f';
  if (type === 'float4' || type === 'float8') return floatText(value, type);
  if (geometricTypes.has(type)) return geometryText(value, type);
  if (type === 'date') return dateText(String(value), context.jdbc === true);
  const convert = texts[type];
  return convert ? convert(String(value)) : unknownText(String(value), type);
}

/** JDBC reads an array of arrays as elements that Debezium cannot take: nothing, or Java's name of the object. */
const javaObject = /^\[Ljava\..*;@[\da-f]+$/;

function elementsText(array: readonly JsonValue[], type: TypeName, context: ValueContext): string {
  const nothing = array.length > 0 && array.every((element) => element === null);
  if (nothing || array.some((element) => typeof element === 'string' && javaObject.test(element)))
    throw new AmbiguousValue(type, array, 'an array of arrays comes like this, and so does one of NULLs alone.');
  return arrayText(array, (element) => canonicalText(element, type.slice(1), { ...context, jdbc: true }));
}

/** A type that Debezium does not know comes as the bytes of its text. */
function unknownText(text: string, type: TypeName): string {
  if (!/^([\da-f]{2})*$/.test(text)) throw new AmbiguousValue(type, text, 'that is not the bytes of a text.');
  return Buffer.from(text, 'hex').toString('utf8');
}
