/** `typedSql` in plain code: a reader types a few changes faster than DuckDB plans to. A property test holds both equal. */
import { DuckDBDateValue, DuckDBDecimalValue, DuckDBTimestampTZValue, type DuckDBValue } from '@duckdb/node-api';
import type { ColumnType } from '#libs/catalog';

/** A value as DuckDB hands it out, of Postgres' text output; null where it does not type. */
export type Typing = (text: string) => DuckDBValue;

const day = '([0-9]{4})-([0-9]{2})-([0-9]{2})';
const instant = new RegExp(`^${day} ([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])(?:[.]([0-9]{1,6}))?[+]00$`);
const date = new RegExp(`^${day}$`);

const truths: ReadonlyMap<string, boolean> = new Map([
  ['t', true],
  ['true', true],
  ['f', false],
  ['false', false],
]);

export function plainTyping(type: ColumnType): Typing {
  switch (type) {
    case 'text':
      return (text) => text;
    case 'boolean':
      return (text) => truths.get(text) ?? null;
    case 'smallint':
      return integer(16, Number);
    case 'integer':
      return integer(32, Number);
    case 'bigint':
      return integer(64, (value) => value);
    case 'date':
      return (text) => {
        const days = daysOf(date.exec(text));
        return days === null ? null : new DuckDBDateValue(days);
      };
    case 'timestamptz':
      return instantOf;
    default:
      return decimal(type);
  }
}

const integer =
  (bits: number, made: (value: bigint) => DuckDBValue): Typing =>
  (text) => {
    const value = /^-?[0-9]+$/.test(text) ? BigInt(text) : null;
    return value !== null && BigInt.asIntN(bits, value) === value ? made(value) : null;
  };

function decimal(type: ColumnType): Typing {
  const [precision, scale] = /^numeric\((\d+),(\d+)\)$/.exec(type)!.slice(1).map(Number) as [number, number];
  const pattern = new RegExp(`^(-?[0-9]+)(?:[.]([0-9]{0,${scale}})0*)?$`);
  const bound = 10n ** BigInt(precision);
  return (text) => {
    const [, whole, fraction = ''] = pattern.exec(text) ?? [];
    if (whole === undefined) return null;
    const value = BigInt(whole + fraction.padEnd(scale, '0'));
    return value < bound && -value < bound ? new DuckDBDecimalValue(value, precision, scale) : null;
  };
}

function instantOf(text: string): DuckDBValue {
  const parts = instant.exec(text);
  const days = daysOf(parts);
  if (days === null) return null;
  const [hours, minutes, seconds] = parts!.slice(4, 7).map(Number) as [number, number, number];
  const whole = BigInt(days * 86_400 + hours * 3600 + minutes * 60 + seconds);
  return new DuckDBTimestampTZValue(whole * 1_000_000n + BigInt((parts![7] ?? '').padEnd(6, '0')));
}

/** Days since 1970; null where there is no such day, or it is before year 1. */
function daysOf(parts: RegExpExecArray | null): number | null {
  if (!parts) return null;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const [first, next] = [daysBefore(year, month), month < 12 ? daysBefore(year, month + 1) : daysBefore(year + 1, 1)];
  const exists = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= next - first;
  return exists ? first + day - 1 : null;
}

const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** Days from 1970 to the first of a month, by the Gregorian calendar. */
function daysBefore(year: number, month: number): number {
  const leaps = (of: number) => Math.floor(of / 4) - Math.floor(of / 100) + Math.floor(of / 400);
  const passed = month > 2 ? year : year - 1; // years whose leap day has been
  return 365 * year + leaps(passed) + daysBeforeMonth[month - 1]! - 719_527;
}
