/** Debezium's ISO texts of dates and times (io.debezium.time.Iso*, java.time) as Postgres prints them in UTC. */

/** What java.time has for a date of ±infinity; timestamps come as the words. */
const infinities: Readonly<Record<string, string>> = {
  '+5877611-06-21Z': 'infinity',
  '-5877641-06-24Z': '-infinity',
};

export function dateText(text: string): string {
  if (infinities[text]) return infinities[text];
  const { day, era } = dayOf(text.replace(/Z$/, ''));
  return day + era;
}

/** `zone` is what follows the time: `+00` where the type has a zone. */
export function timestampText(text: string, zone: string): string {
  if (text.endsWith('infinity')) return text;
  const [date, time] = text.split('T') as [string, string];
  const { day, era } = dayOf(date);
  return `${day} ${timeText(time, zone)}${era}`;
}

export const timeText = (text: string, zone: string): string =>
  text
    .replace(/(Z|\+00:00)$/, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '') + zone;

/** Year 0 of ISO 8601 is 1 BC; a year of more than four digits has a sign. */
function dayOf(date: string): { day: string; era: string } {
  const [, sign, year, rest] = /^([+-]?)(\d+)(-\d\d-\d\d)$/.exec(date)!;
  const bc = sign === '-' || Number(year) === 0;
  const shown = bc ? Number(year) + 1 : Number(year);
  return { day: String(shown).padStart(4, '0') + rest, era: bc ? ' BC' : '' };
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
