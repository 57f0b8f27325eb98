/**
 * A value given as text, read exactly as a column of its type can hold it: nothing is rounded, trimmed or guessed.
 *
 * The canonical text is Postgres' own (`3.90` in a numeric(3,2)), but for a timestamptz: `2026-03-01T08:00:00.123456Z`.
 */
import type { ColumnType } from '#libs/catalog';

/** Why a text is no value of the type, and what would be. */
export interface Misfit {
  readonly code: 'wrong-type' | 'out-of-range';
  readonly wanted: string;
}

/** The canonical text, or why there is none. */
export function canonicalText(type: ColumnType, text: string): string | Misfit {
  switch (type) {
    case 'text':
      return text.includes('\0') || !text.isWellFormed() ? wrongType('text without U+0000') : text;
    case 'boolean':
      return text === 'true' || text === 'false' ? text : wrongType('true or false');
    case 'date':
      return canonicalDate(text);
    case 'timestamptz':
      return canonicalInstant(text);
    case 'smallint':
    case 'integer':
    case 'bigint':
      return canonicalInteger(type, text);
    default:
      return canonicalNumeric(type, text);
  }
}

const wrongType = (wanted: string): Misfit => ({ code: 'wrong-type', wanted });
const outOfRange = (wanted: string): Misfit => ({ code: 'out-of-range', wanted });

const bits = { smallint: 16n, integer: 32n, bigint: 64n };

function canonicalInteger(type: keyof typeof bits, text: string): string | Misfit {
  const limit = 1n << (bits[type] - 1n);
  const wanted = `an integer from ${-limit} to ${limit - 1n}`;
  if (!/^-?\d+$/.test(text)) return wrongType(wanted);
  // Bounded, since converting digits takes quadratic time.
  if (text.length > 100) return outOfRange(wanted);
  const value = BigInt(text);
  return value < -limit || value >= limit ? outOfRange(wanted) : String(value);
}

/** Precision and scale of a numeric type. */
export function numericShape(type: ColumnType): { precision: number; scale: number } {
  const [, precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(type)!;
  return { precision: Number(precision), scale: Number(scale) };
}

function canonicalNumeric(type: ColumnType, text: string): string | Misfit {
  const { precision, scale } = numericShape(type);
  const wanted = `a decimal of at most ${precision - scale} digits before and ${scale} after the point`;
  // The bound keeps the pattern's backtracking, quadratic in zeros, small.
  if (text.length > 100) return outOfRange(wanted);
  const parts = /^(-?)0*(\d+?)(?:\.(\d+?)0*)?$/.exec(text);
  if (!parts) return wrongType(wanted);
  const [, sign, whole, fraction] = [...parts] as [string, string, string, string | undefined];
  const decimals = fraction === undefined || fraction === '0' ? '' : fraction;
  if ((whole === '0' ? 0 : whole.length) > precision - scale || decimals.length > scale) return outOfRange(wanted);
  const magnitude = scale === 0 ? whole : `${whole}.${decimals.padEnd(scale, '0')}`;
  return /[1-9]/.test(magnitude) ? sign + magnitude : magnitude;
}

const dateWanted = 'a day from 0001-01-01 to 9999-12-31, written YYYY-MM-DD';

function canonicalDate(text: string): string | Misfit {
  const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!parts) return wrongType(dateWanted);
  return dayExists(Number(parts[1]), Number(parts[2]), Number(parts[3])) ? text : outOfRange(dateWanted);
}

function dayExists(year: number, month: number, day: number): boolean {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return year >= 1 && day >= 1 && day <= (lengths[month - 1] ?? 0);
}

function canonicalInstant(text: string): string | Misfit {
  const microseconds = readInstant(text);
  return typeof microseconds === 'bigint' ? formatInstant(microseconds) : microseconds;
}

const instantWanted =
  'an instant after RFC 3339 with at most six digits of a second, like 2026-03-01T08:00:00.123456Z (a + is written %2B)';
const instantPattern = /^(\d{4}-\d\d-\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,6})0*)?(?:Z|([+-])(\d\d):(\d\d))$/i;
const firstInstant = -62_135_596_800_000_000n;
const lastInstant = 253_402_300_799_999_999n;

/** Microseconds since 1970 of an RFC 3339 instant whose UTC year is in 1..9999. No Date: it would cut microseconds. */
export function readInstant(text: string): bigint | Misfit {
  const parts = instantPattern.exec(text);
  if (!parts) return wrongType(instantWanted);
  const [, day, hour, minute, second, fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = parts;
  const inRange =
    typeof canonicalDate(day!) === 'string' &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60 &&
    Number(offsetHours) < 24 &&
    Number(offsetMinutes) < 60;
  if (!inRange) return outOfRange(instantWanted);
  const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * (sign === '-' ? -1 : 1);
  const seconds = Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second);
  const instant = startOfDay(day!) + BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return instant < firstInstant || instant > lastInstant ? outOfRange(instantWanted) : instant;
}

/** Microseconds since 1970 of a day's first moment in UTC. The day must exist. */
export const startOfDay = (day: string): bigint => BigInt(Date.parse(`${day}T00:00:00Z`)) * 1000n;

/** `2026-03-01T08:00:00.123456Z` of microseconds since 1970. */
export function formatInstant(microseconds: bigint): string {
  const within = ((microseconds % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((microseconds - within) / 1000n)).toISOString().slice(0, 19);
  return `${second}.${String(within).padStart(6, '0')}Z`;
}
