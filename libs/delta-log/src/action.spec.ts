import { describe, expect, it } from '@jest/globals';
import { type Action, decodeActions, encodeActions } from './action.js';

const txn = (version: unknown) => [{ txn: { appId: 'position', version } }] as Action[];

describe('the text of actions', () => {
  it('is one line an action, whatever a value holds', () => {
    const actions: Action[] = [
      { commitInfo: { note: 'two\nlines "quoted" \u2028' } },
      { txn: { appId: 'a', version: 1 } },
    ];
    const text = encodeActions(actions);
    expect(text.split('\n')).toHaveLength(3);
    expect(text.endsWith('\n')).toBe(true);
    expect(decodeActions(text, 'f')).toEqual(actions);
  });

  it('has integers up to 2^53 - 1 exactly, given as number or bigint', () => {
    expect(encodeActions(txn(2 ** 53 - 1))).toContain('"version":9007199254740991}');
    expect(encodeActions(txn(2n ** 53n - 1n))).toContain('"version":9007199254740991}');
    expect(encodeActions([{ commitInfo: { ratio: 0.5 } }])).toContain('0.5');
  });

  it.each([2 ** 53, 2n ** 53n, -(2 ** 53), Number.NaN, Infinity])('is refused with %s, which would change', (value) => {
    expect(() => encodeActions(txn(value))).toThrow(RangeError);
  });

  it.each(['{"add":', '{}\n{"add"', '[1'])('is refused where a line is cut: %s', (text) => {
    expect(() => decodeActions(text, 'some.json')).toThrow(expect.objectContaining({ code: 'corrupt-log' }));
    expect(() => decodeActions(text, 'some.json')).toThrow(/some\.json: line \d/);
  });

  it('is refused where a line is no object', () => {
    expect(() => decodeActions('null\n', 'f')).toThrow(expect.objectContaining({ code: 'corrupt-log' }));
  });
});
