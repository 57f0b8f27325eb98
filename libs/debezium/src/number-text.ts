/** Numbers as Postgres prints them. */
import type { JsonValue } from './record.js';

const specialNumerics: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity',
};

/** What Debezium makes of a negative scale, whose 11 bits it reads without their sign. */
const misreadScale = /\.0{1048,2047}$/;

export const numericText = (text: string): string => specialNumerics[text] ?? text.replace(misreadScale, '');

/** The least exponent that is not written in plain digits: src/backend/utils/adt/float.c, extra_float_digits = 1. */
const plainDigits = { float4: 6, float8: 15 };

/** The shortest digits that read back as the same number; Java's may be longer, and are a double's. */
export function floatText(json: JsonValue, type: 'float4' | 'float8'): string {
  const value = Number(json);
  if (!Number.isFinite(value)) return String(json);
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const [mantissa, power] = scientific(value, type).split('e') as [string, string];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= plainDigits[type]) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  const decimals = Math.max(0, mantissa.replace(/^-?\d\.?/, '').length - exponent);
  return Number(`${mantissa}e${power}`).toFixed(decimals);
}

function scientific(value: number, type: 'float4' | 'float8'): string {
  if (type === 'float8') return value.toExponential();
  const single = Math.fround(value);
  for (let digits = 0; ; digits++) {
    const text = single.toExponential(digits);
    if (Math.fround(Number(text)) === single) return text;
  }
}

/** In the locale C. */
export function moneyText(text: string): string {
  const [, sign, whole, cents] = /^(-?)(\d+)\.(\d\d)$/.exec(text)!;
  return `${sign}$${whole!.replace(/\B(?=(\d{3})+$)/g, ',')}.${cents}`;
}
