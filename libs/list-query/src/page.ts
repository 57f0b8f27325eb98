import { nextCursor } from './cursor.js';
import type { ListQuery } from './list-query.js';

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly nextCursor: string | null;
}

/**
 * A page of rows that were asked for with one more than the limit.
 * `texts`: a row's canonical texts by field name, those of the sort keys at least. `pin`: see `nextCursor`.
 */
export function pageOf<Row>(
  query: ListQuery,
  rows: readonly Row[],
  texts: (row: Row) => Readonly<Record<string, string | null>>,
  pin?: string,
): Page<Row> {
  if (rows.length <= query.limit) return { rows, nextCursor: null };
  const page = rows.slice(0, query.limit);
  return { rows: page, nextCursor: nextCursor(query, texts(page.at(-1)!), pin) };
}

/** The request's own URL with the cursor of the next page: for `Link: <…>; rel="next"`. */
export function nextPageUrl(url: string, cursor: string): string {
  const [path, search = ''] = url.split('?');
  const kept = search.split('&').filter((part) => part !== '' && !/^(cursor|skip)(=|$)/.test(part));
  return `${path}?${[...kept, `cursor=${cursor}`].join('&')}`;
}
