import { describe, expect, it } from '@jest/globals';
import { columnText, wantedBy } from './fits-column.js';

describe('a JSON value for a column', () => {
  it.each([
    ['numeric(3,2)', 3.9, '3.90'],
    ['numeric(3,2)', -0, '0.00'],
    ['numeric(10,7)', 1e-7, '0.0000001'],
    ['numeric(10,7)', 1.5e-6, '0.0000015'],
    ['numeric(20,0)', '12345678901234567890', '12345678901234567890'],
    ['smallint', 6, '6'],
    ['date', '2004-02-29', '2004-02-29'],
    ['boolean', true, 'true'],
    ['text', ' é\t', ' é\t'],
  ] as const)('of %s may be %j, and is then %j', (type, value, text) => {
    expect(columnText(type, value)).toBe(text);
  });

  it.each([
    ['numeric(3,2)', 3.555, 'out-of-range'],
    ['numeric(3,2)', 1e-7, 'out-of-range'],
    ['numeric(3,2)', 1e21, 'out-of-range'],
    ['numeric(3,2)', '3.9', 'wrong-type'],
    ['numeric(20,0)', 5, 'wrong-type'],
    ['smallint', 32768, 'out-of-range'],
    ['smallint', 2.5, 'wrong-type'],
    ['date', '2003-02-29', 'out-of-range'],
    ['date', '2004-2-9', 'wrong-type'],
    ['date', 20040209, 'wrong-type'],
    ['boolean', 'true', 'wrong-type'],
    ['text', true, 'wrong-type'],
    ['text', null, 'wrong-type'],
  ] as const)('of %s cannot be %j: %s', (type, value, code) => {
    expect(columnText(type, value)).toMatchObject({ code });
  });

  it('is described in words', () => {
    expect(wantedBy('date')).toBe('text: a day from 0001-01-01 to 9999-12-31, written YYYY-MM-DD');
    expect(wantedBy('smallint')).toBe('a whole number');
    expect(wantedBy('boolean')).toBe('true or false');
  });
});
