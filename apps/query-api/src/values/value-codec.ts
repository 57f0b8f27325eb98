/**
 * How a value of each type leaves the lake, the same at every door: what JSON shows, what a cursor keeps, what OpenAPI
 * says. Decided by the type, never by the value, so that a client's type never changes under it.
 */
import type { ColumnType } from '#libs/catalog';
import { formatInstant, numericShape } from '#libs/list-query';
import type { SqlValue } from '../follower/reader.js';

/** `position`: a place in the lake's order, or a surrogate key, which is one: below 2^53. */
export type ValueType = ColumnType | 'position';

export type JsonScalar = string | number | boolean | null;

/** Every decimal of up to fifteen digits has a double that prints as itself. */
const isJsonNumber = (type: ColumnType) => numericShape(type).precision <= 15;

export function jsonValue(type: ValueType, value: SqlValue): JsonScalar {
  if (value === null) return null;
  switch (type) {
    case 'text':
    case 'date':
      return String(value);
    case 'boolean':
      return value === true;
    case 'smallint':
    case 'integer':
    case 'position':
      return Number(value);
    case 'bigint':
      return String(value);
    case 'timestamptz':
      return formatInstant(BigInt(value));
    default:
      return isJsonNumber(type) ? Number(value) : String(value);
  }
}

/** The canonical text (see #libs/list-query): what filters and cursors compare. */
export function canonicalTextOf(type: ValueType, value: SqlValue): string | null {
  if (value === null) return null;
  return type === 'timestamptz' ? formatInstant(BigInt(value)) : String(value);
}

export type Schema = Readonly<Record<string, unknown>>;

export function valueSchema(type: ValueType): Schema {
  switch (type) {
    case 'text':
      return { type: 'string' };
    case 'boolean':
      return { type: 'boolean' };
    case 'smallint':
    case 'integer':
      return { type: 'integer', format: 'int32' };
    case 'position':
      return { type: 'integer', format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
    case 'bigint':
      return { type: 'string', pattern: '^-?\\d+$' };
    case 'date':
      return { type: 'string', format: 'date' };
    case 'timestamptz':
      return { type: 'string', format: 'date-time' };
    default:
      return isJsonNumber(type) ? { type: 'number' } : { type: 'string', pattern: '^-?\\d+(\\.\\d+)?$' };
  }
}
