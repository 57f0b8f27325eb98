import { describe, expect, it } from '@jest/globals';
import { parseLsn } from '#libs/change-event';
import { recordEnd } from './record-end.js';

const [page, segment] = [8192, 16 * 2 ** 20];

describe('the end of the record before an insert position', () => {
  it.each([
    ['is the position itself inside a page', '0/3001060', '0/3001060'],
    ['is the boundary where a page has its header alone', '0/3002018', '0/3002000'],
    ['is the boundary where a segment has its longer header alone', '0/3000028', '0/3000000'],
    ['is the position where a record reaches as far into a page as that header', '0/3002028', '0/3002028'],
  ])('%s', (_, insert, end) => {
    expect(recordEnd(parseLsn(insert), page, segment)).toBe(parseLsn(end));
  });
});
