import type { Column } from '#libs/catalog';

/** A text as SQL takes it; null for NULL. */
export type Text = string | null;

const wider: Readonly<Record<string, string>> = { smallint: 'integer', integer: 'text', bigint: 'text' };

/** The type of a source's column that holds all of them. */
export const sourceType = ({ type }: Column): string =>
  type.startsWith('numeric') ? 'numeric' : (wider[type] ?? type);
