import { keyColumns, type ColumnType, type Table } from '#libs/catalog';
import { canonicalText } from '#libs/list-query';
import { invalid, Problem, type ValueError } from '#libs/problems';
import type { ReadSession } from '../follower/reader.js';

/** A key as the path gives it. */
export interface RequestedKey {
  readonly table: Table;
  /** Canonical texts in key order; where a part is no value of its column, what came. */
  readonly texts: readonly string[];
  readonly errors: readonly ValueError[];
}

export function readKey(table: Table, path: Readonly<Record<string, string>>): RequestedKey {
  const errors: ValueError[] = [];
  const texts = keyColumns(table).map(({ name, type }) => {
    const got = path[name]!;
    const read = canonicalText(type, got);
    if (typeof read === 'string') return read;
    const detail = `${name} cannot be ${JSON.stringify(got)}.`;
    errors.push({ parameter: name, code: read.code, detail, got, wanted: read.wanted });
    return got;
  });
  return { table, texts, errors };
}

/** Why nothing is shown for a key at a position: it is not there, its value is unknown, or it cannot be a key at all. */
export async function absence(session: ReadSession, position: number, key: RequestedKey): Promise<Problem> {
  const { table, texts, errors } = key;
  const name = texts.join('/');
  const sourceTexts = keyColumns(table).map(({ type }, i) => sourceText(type, texts[i]!));
  if (await session.quarantined(table, sourceTexts, position))
    return new Problem('quarantined', `The value of ${table.name} ${name} at position ${position} cannot be typed.`);
  if (errors.length > 0) return invalid(errors);
  return new Problem('not-found', `At position ${position} there is no ${table.name} ${name}.`);
}

/** Postgres' text output, in which changes and quarantine name keys. */
function sourceText(type: ColumnType, text: string): string {
  if (type === 'boolean') return text.slice(0, 1);
  if (type !== 'timestamptz') return text;
  return text
    .replace('T', ' ')
    .replace(/(\.\d*?)0*Z$/, '$1+00')
    .replace('.+', '+');
}
