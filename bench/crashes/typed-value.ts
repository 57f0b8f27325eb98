/** What the source's texts mean, by the oracle's own rules, and how the same value of the lake is printed. */
import type { Column, ColumnType, Table } from '#libs/catalog';
import type { Texts } from './record.js';

const isDay = (year: number, month: number, day: number): boolean => {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 1 && day >= 1 && day <= ([31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0);
};

/** Microseconds since 1970 of a moment; a day as it is. */
function time(text: string, type: 'date' | 'timestamptz'): string | undefined {
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

function decimal(text: string, precision: number, scale: number): string | undefined {
  const [, sign, whole, fraction = ''] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text) ?? [];
  if (whole === undefined || /[^0]/.test(fraction.slice(scale))) return undefined;
  const digits = BigInt(whole + fraction.slice(0, scale).padEnd(scale, '0'));
  if (digits >= 10n ** BigInt(precision)) return undefined;
  const padded = String(digits).padStart(scale + 1, '0');
  return (digits > 0n ? sign! : '') + (scale > 0 ? `${padded.slice(0, -scale)}.${padded.slice(-scale)}` : padded);
}

function whole(text: string, bits: number): string | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  return BigInt.asIntN(bits, BigInt(text)) === BigInt(text) ? String(BigInt(text)) : undefined;
}

/** In one form for each value; undefined: none of the type. */
export function typedText(text: string, type: ColumnType): string | undefined {
  if (type === 'text') return text;
  if (type === 'boolean') return { t: 'true', f: 'false' }[text];
  if (type === 'date' || type === 'timestamptz') return time(text, type);
  const bits = { smallint: 16, integer: 32, bigint: 64 }[type as string];
  if (bits) return whole(text, bits);
  const [precision, scale] = /(\d+),(\d+)/.exec(type)!.slice(1).map(Number) as [number, number];
  return decimal(text, precision, scale);
}

/** SQL for the text that `typedText` has of the same value. */
export const printed = ({ name, type }: Column): string =>
  type === 'timestamptz' ? `epoch_us("${name}")::VARCHAR` : `"${name}"::VARCHAR`;

/** Columns of it, in that order; null: one of them is none of its type. */
export function typedTexts(columns: readonly Column[], row: Texts): (string | null)[] | null {
  const values = columns.map(({ name, type }) => {
    const text = row[name] ?? null;
    return text === null ? null : typedText(text, type);
  });
  return values.includes(undefined) ? null : (values as (string | null)[]);
}

/** Which key these texts are: what they mean, or, where one means nothing, they themselves. */
export function identityOf({ key, columns }: Table, texts: readonly string[]): string {
  const means = key.map((name, i) => typedText(texts[i]!, columns.find((column) => column.name === name)!.type));
  return JSON.stringify(means.includes(undefined) ? ['stray', ...texts] : means);
}
