import { describe, expect, it } from '@jest/globals';
import { choice, InvalidConfiguration, parseConfig, serviceVariables, url, wholeNumber } from './config.js';

const schema = serviceVariables(8601, {
  DATABASE_URL: url('postgresql').default('postgresql://localhost/db'),
  POOL_SIZE: wholeNumber(1, 100).default(10),
  COLOUR: choice(['red', 'blue']).optional(),
});

const problemsOf = (env: Record<string, string>) => {
  try {
    parseConfig(schema, env);
  } catch (error) {
    return (error as InvalidConfiguration).problems;
  }
  return [];
};

describe('a configuration', () => {
  it('has its defaults where nothing is set, or an empty text', () => {
    expect(parseConfig(schema, { POOL_SIZE: '', UNRELATED: 'x' })).toEqual({
      PORT: 8601,
      HOST: '127.0.0.1',
      LOG_LEVEL: 'info',
      AUTH: 'off',
      INSECURE: 'no',
      DATABASE_URL: 'postgresql://localhost/db',
      POOL_SIZE: 10,
    });
  });

  it('names every wrong variable at once, with what it got and what it wants', () => {
    expect(problemsOf({ PORT: '65536', POOL_SIZE: '1e1', COLOUR: 'green', AUTH: 'on' })).toEqual([
      'PORT is "65536"; wanted is a whole number from 0 to 65535.',
      'AUTH is "on"; wanted is off.',
      'POOL_SIZE is "1e1"; wanted is a whole number from 1 to 100.',
      'COLOUR is "green"; wanted is one of red, blue.',
    ]);
  });

  it('tells no password', () => {
    expect(problemsOf({ DATABASE_URL: 'mysql://app:secret@host/db' })).toEqual([
      'DATABASE_URL is "mysql://app:…@host/db"; wanted is a URL like postgresql://….',
    ]);
  });

  it('binds another interface than loopback only if told that this is insecure', () => {
    expect(problemsOf({ HOST: '0.0.0.0' })).toEqual([
      'HOST is "0.0.0.0"; wanted is a loopback address (127.0.0.1, ::1, localhost) while AUTH=off, or INSECURE=yes beside it.',
    ]);
    expect(problemsOf({ HOST: '0.0.0.0', INSECURE: 'yes' })).toEqual([]);
  });
});
