/** Debezium's ISO texts of dates and times (io.debezium.time.Iso*, java.time) as Postgres prints them in UTC. */
import { AmbiguousValue } from './ambiguous-value.js';

/** Years beyond those that Postgres has: what Java has for ±infinity. */
const [lastYear, firstYear] = [5_874_897, -4713];
/** What JDBC makes of -infinity: it drops the era. */
const jdbcMinusInfinity = /^\+29226\d{4}-/;

/**
 * `jdbc`: the driver has read it, by Java's old calendar and without its era. Then a date before our era, or one of the ten
 * days that the Julian calendar has and the Gregorian has not, reads like a later one.
 * @throws AmbiguousValue
 */
export function dateText(text: string, jdbc: boolean): string {
  const { day, era, infinite } = dayOf(text.replace(/Z$/, ''));
  if (infinite) return jdbcMinusInfinity.test(text) ? '-infinity' : infinite;
  if (jdbc && era === '' && day.length === 10 && day < calendarsAgree)
    throw new AmbiguousValue('date', text, 'one before our era, or ten days earlier, comes like this as well.');
  return day + era;
}

/** The last of ten days that are the same as ten others ends before this. */
const calendarsAgree = '1582-10-25';

/** `zone` is what follows the time: `+00` where the type has a zone. */
export function timestampText(text: string, zone: string): string {
  if (text.endsWith('infinity')) return text;
  const [date, time] = text.split('T') as [string, string];
  const { day, era, infinite } = dayOf(date);
  return infinite ?? `${day} ${timeText(time)}${zone}${era}`;
}

export const timeText = (text: string): string =>
  text
    .replace(/(Z|\+00:00)$/, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');

/** Year 0 of ISO 8601 is 1 BC; a year of more than four digits has a sign. */
function dayOf(date: string): { day: string; era: string; infinite?: string } {
  const [, sign, digits, rest] = /^([+-]?)(\d+)(-\d\d-\d\d)$/.exec(date)!;
  const year = sign === '-' ? -Number(digits) : Number(digits);
  const infinite = year > lastYear ? 'infinity' : year < firstYear ? '-infinity' : undefined;
  const day = String(year > 0 ? year : 1 - year).padStart(4, '0') + rest;
  return { day, era: year > 0 ? '' : ' BC', infinite };
}

/** `P1Y2M3DT4H5M6.789S` in Postgres' own style: `1 year 2 mons 3 days 04:05:06.789`. */
export function intervalText(text: string): string {
  const parts = /^P(-?\d+)Y(-?\d+)M(-?\d+)DT(-?\d+)H(-?\d+)M(-?[\d.]+)S$/.exec(text);
  if (!parts) return text;
  const [years, months, days] = parts.slice(1, 4).map(Number) as [number, number, number];
  const units = [unit(years, 'year', 0), unit(months, 'mon', years), unit(days, 'day', months || years)];
  const clock = clockText(parts.slice(4), days || months || years);
  return [...units, clock].filter((part) => part !== '').join(' ') || '00:00:00';
}

/** A part after a negative one shows its plus. */
function unit(count: number, name: string, before: number): string {
  if (count === 0) return '';
  return `${before < 0 && count > 0 ? '+' : ''}${count} ${name}${count === 1 ? '' : 's'}`;
}

function clockText(parts: readonly string[], before: number): string {
  const negative = parts.some((part) => Number(part) < 0);
  const [hours, minutes, seconds] = parts.map((part) => part.replace('-', '')) as [string, string, string];
  if ([hours, minutes, seconds].every((part) => Number(part) === 0)) return '';
  const [whole, fraction = ''] = seconds.split('.') as [string, string?];
  const decimals = fraction.replace(/0+$/, '');
  const clock = [hours, minutes, whole].map((part) => part.padStart(2, '0')).join(':');
  return `${negative ? '-' : before < 0 ? '+' : ''}${clock}${decimals ? `.${decimals}` : ''}`;
}
