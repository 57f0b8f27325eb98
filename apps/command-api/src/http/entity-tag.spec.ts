import { describe, expect, it } from '@jest/globals';
import { entityTag, hasVersion, ifMatch } from './entity-tag.js';

describe('If-Match', () => {
  it.each([
    [undefined, undefined],
    ['*', '*'],
    [' * ', '*'],
    ['"3"', [3]],
    ['"3", "4","5"', [3, 4, 5]],
    ['W/"3", "4"', [4]],
    ['"", "abc", "03", "3.0", "-1", "99999999999"', []],
    ['"a,b", "7"', [7]],
  ])('%j accepts %j', (header, versions) => {
    expect(ifMatch(header)).toEqual(versions);
  });

  it.each(['', '3', '"3', '"3" "4"', '"3";"4"', '*, "3"', "'3'"])('%j is refused', (header) => {
    expect(() => ifMatch(header)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  it('accepts what the service itself hands out', () => {
    expect(ifMatch(entityTag(12))).toEqual([12]);
  });
});

describe('If-None-Match', () => {
  it.each([
    [undefined, false],
    ['*', true],
    ['"3"', true],
    ['"2", W/"3"', true],
    ['"33"', false],
    ['3', false],
  ])('%j knows version 3: %j', (header, known) => {
    expect(hasVersion(header, 3)).toBe(known);
  });
});
