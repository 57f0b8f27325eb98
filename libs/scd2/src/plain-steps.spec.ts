import { describe, expect, it } from '@jest/globals';
import { plainSteps, type KeyChange, type KeyState } from './plain-steps.js';

const visible = (identity: string, state: string, position: number): KeyState => ({
  position: BigInt(position),
  identity,
  state,
});
/** The change at `position`; transactions are tens. */
const change = (position: number, identity: string, state: string | null): KeyChange => ({
  position: BigInt(position),
  transaction: BigInt(position - (position % 10)),
  identity,
  state,
});
const steps = (before: KeyState[], ...changes: KeyChange[]) => {
  const { opened, closed } = plainSteps(before, changes);
  return {
    opened: opened.map(({ position }) => Number(position)),
    closed: closed.map(({ position, by }) => `${position} by ${by.position}`),
  };
};

describe('the plain steps of a batch', () => {
  it('close the visible state and open the new one', () => {
    expect(steps([visible('A', 'red', 1)], change(10, 'A', 'blue'))).toEqual({ opened: [10], closed: ['1 by 10'] });
  });

  it('open and close inside the batch', () => {
    expect(steps([], change(10, 'A', 'red'), change(20, 'A', null))).toEqual({ opened: [10], closed: ['10 by 20'] });
  });

  it('take a transaction by its last change', () => {
    expect(steps([], change(10, 'A', 'red'), change(11, 'A', 'blue'))).toEqual({ opened: [11], closed: [] });
    expect(steps([], change(10, 'A', 'red'), change(11, 'A', null))).toEqual({ opened: [], closed: [] });
  });

  it('are none where the state is the same, or absent as before', () => {
    expect(steps([visible('A', 'red', 1)], change(10, 'A', 'red'))).toEqual({ opened: [], closed: [] });
    expect(steps([], change(10, 'A', null))).toEqual({ opened: [], closed: [] });
  });

  it('are none where a transaction ends with the state that it found', () => {
    const there = change(10, 'A', 'blue');
    expect(steps([visible('A', 'red', 1)], there, change(11, 'A', 'red'))).toEqual({ opened: [], closed: [] });
  });

  it('leave other keys alone', () => {
    expect(steps([visible('A', 'red', 1), visible('B', 'red', 2)], change(10, 'B', null))).toEqual({
      opened: [],
      closed: ['2 by 10'],
    });
  });
});
