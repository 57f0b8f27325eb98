/** What the source's texts mean, in plain code: the oracles' own rules of typing, which share nothing with the engine's SQL. */
import type { ColumnType } from '#libs/catalog';

const isDay = (year: number, month: number, day: number): boolean => {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 1 && day >= 1 && day <= ([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
};

/** What a text means as a value of the type, in one canonical form; undefined if nothing. */
export function meaning(text: string, type: ColumnType): string | undefined {
  if (type === 'text') return text;
  if (type === 'boolean') return { t: 'true', true: 'true', f: 'false', false: 'false' }[text];
  if (type === 'date' || type === 'timestamptz') {
    const parts = /^(\d{4})-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00)?$/.exec(text);
    if (!parts || (parts[4] !== undefined) !== (type === 'timestamptz')) return undefined;
    const [year, month, day, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map((part) => Number(part ?? 0));
    if (!isDay(year!, month!, day!) || hour > 23 || minute > 59 || second > 59) return undefined;
    if (type === 'date') return text;
    const moment = new Date(0);
    moment.setUTCFullYear(year!, month! - 1, day!);
    moment.setUTCHours(hour, minute, second);
    return String(BigInt(moment.getTime()) * 1000n + BigInt((parts[7] ?? '').padEnd(6, '0')));
  }
  const bits = { smallint: 16, integer: 32, bigint: 64 }[type as string];
  if (bits) {
    if (!/^-?\d+$/.test(text)) return undefined;
    return BigInt.asIntN(bits, BigInt(text)) === BigInt(text) ? String(BigInt(text)) : undefined;
  }
  const [precision, scale] = /(\d+),(\d+)/.exec(type)!.slice(1).map(Number) as [number, number];
  const parts = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  const [whole, fraction] = [parts?.[2] ?? '', parts?.[3] ?? ''];
  if (!parts || /[^0]/.test(fraction.slice(scale))) return undefined;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  if (digits >= 10n ** BigInt(precision)) return undefined;
  const padded = String(digits).padStart(scale + 1, '0');
  const sign = digits > 0n ? parts[1] : '';
  return sign + (scale ? `${padded.slice(0, -scale)}.${padded.slice(-scale)}` : padded);
}
