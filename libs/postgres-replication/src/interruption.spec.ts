import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { ConnectionLost, isInterruption } from './interruption.js';

const sql = (code: string) => Object.assign(new pg.DatabaseError('x', 1, 'error'), { code });
const system = (code: string) => Object.assign(new Error('x'), { code });

describe('an interruption', () => {
  it.each([
    ['a lost connection', new ConnectionLost('x')],
    ['a server that shuts down', sql('57P01')],
    ['a server that starts', sql('57P03')],
    ['a connection failure', sql('08006')],
    ['a reset socket', system('ECONNRESET')],
    ['a name that does not resolve now', system('EAI_AGAIN')],
    ['what pg says of an ended connection', new Error('Connection terminated unexpectedly')],
  ])('is %s', (_, error) => {
    expect(isInterruption(error)).toBe(true);
  });

  it.each([
    ['a wrong password', sql('28P01')],
    ['a missing slot', sql('42704')],
    ['a slot in use', sql('55006')],
    ['an error of this code', system('slot-in-use')],
    ["a mistake in using Node's own", system('ERR_INVALID_ARG_TYPE')],
    ['a mistake in the program', new TypeError('x is not a function')],
  ])('is not %s', (_, error) => {
    expect(isInterruption(error)).toBe(false);
  });
});
