/** What the source's rows mean, by the oracles' own rules, and how the same value of the lake is printed. */
import type { Column, Table } from '#libs/catalog';
import { meaning } from '#libs/test-values';
import type { Texts } from './record.js';

/** SQL for the text that `meaning` has of the same value. */
export const printed = ({ name, type }: Column): string =>
  type === 'timestamptz' ? `epoch_us("${name}")::VARCHAR` : `"${name}"::VARCHAR`;

/** Columns of it, in that order; null: one of them is none of its type. */
export function typedTexts(columns: readonly Column[], row: Texts): (string | null)[] | null {
  const values = columns.map(({ name, type }) => {
    const text = row[name] ?? null;
    return text === null ? null : meaning(text, type);
  });
  return values.includes(undefined) ? null : (values as (string | null)[]);
}

/** Which key these texts are: what they mean, or, where one means nothing, they themselves. */
export function identityOf({ key, columns }: Table, texts: readonly string[]): string {
  const means = key.map((name, i) => meaning(texts[i]!, columns.find((column) => column.name === name)!.type));
  return JSON.stringify(means.includes(undefined) ? ['stray', ...texts] : means);
}
