/**
 * A cursor tells where a page ended: the sort values of its last row, so that rows that come or go elsewhere move
 * nothing (keyset pagination). It is valid for the filters and the order it was made with, and for nothing else.
 */
import { createHash } from 'node:crypto';
import { canonicalText } from './column-value.js';
import type { Filter, ListQuery, SortKey } from './list-query.js';

/** The same for the same filters in any sequence, the same order and the same scope. */
export function fingerprint(filters: readonly Filter[], sort: readonly SortKey[], scope: string): string {
  const conditions = filters.map((filter) => [
    filter.field.name,
    filter.operator,
    filter.operator === 'in' ? [...filter.values].sort() : filter.value,
  ]);
  const order = sort.map(({ field, descending }) => [field.name, field.type, descending]);
  const content = JSON.stringify([conditions.map((condition) => JSON.stringify(condition)).sort(), order, scope]);
  return createHash('sha256').update(content).digest('base64url').slice(0, 22);
}

/**
 * The cursor behind `last`, a row's canonical texts by field name.
 * `pin`: what the caller wants back with the next page (the state that the pages are read from), not checked here.
 */
export function nextCursor(query: ListQuery, last: Readonly<Record<string, string | null>>, pin = ''): string {
  const after = query.sort.map(({ field }) => last[field.name] ?? null);
  return Buffer.from(JSON.stringify([query.fingerprint, after, pin])).toString('base64url');
}

/** Null if the text is no cursor of this order; the fingerprint is for the caller to compare. */
export function readCursor(
  cursor: string,
  sort: readonly SortKey[],
): Pick<ListQuery, 'after' | 'pin' | 'fingerprint'> | null {
  const content = parsed(cursor);
  if (!Array.isArray(content) || content.length !== 3) return null;
  const [print, after, pin] = content as unknown[];
  if (typeof print !== 'string' || typeof pin !== 'string' || !Array.isArray(after)) return null;
  return isPlace(after, sort) ? { fingerprint: print, after, pin } : null;
}

function parsed(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return null;
  }
}

/** A cursor may be forged: only values that the columns can hold go on to a database. */
const isPlace = (after: unknown[], sort: readonly SortKey[]): after is (string | null)[] =>
  after.length === sort.length &&
  sort.every(({ field }, i) => {
    const text = after[i];
    return text === null
      ? field.nullable === true
      : typeof text === 'string' && canonicalText(field.type, text) === text;
  });
