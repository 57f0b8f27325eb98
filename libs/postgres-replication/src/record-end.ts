import type { Lsn } from '#libs/change-event';

const PAGE_HEADER = 24;
const SEGMENT_HEADER = 40;

/**
 * Where the record before an insert position ends: at the start of a page that position already stands behind the page's
 * header, which a reader reaches with the next record only.
 */
export function recordEnd(insert: Lsn, pageBytes: number, segmentBytes: number): Lsn {
  if (insert % segmentBytes === SEGMENT_HEADER) return insert - SEGMENT_HEADER;
  return insert % pageBytes === PAGE_HEADER ? insert - PAGE_HEADER : insert;
}
