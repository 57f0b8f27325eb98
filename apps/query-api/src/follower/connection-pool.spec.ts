import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { ConnectionPool } from './connection-pool.js';

/** What was asked of DuckDB. */
let log: string[];
let refusals: number;
let pool: ConnectionPool;
beforeEach(() => {
  [log, refusals] = [[], 0];
  let count = 0;
  const connect = async () => {
    await turn();
    if (refusals-- > 0) throw new Error('out of memory');
    const name = ++count;
    log.push(`open ${name}`);
    return { name, closeSync: () => log.push(`close ${name}`) } as unknown as DuckDBConnection;
  };
  const duckdb = { connect, closeSync: () => log.push('close DuckDB') } as unknown as DuckDBInstance;
  pool = new ConnectionPool(duckdb, 2);
});

/** Uses a connection until it is let go; what it does is in the log. */
function use(name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const result = pool.use(async () => {
    log.push(`${name} begins`);
    return promise;
  });
  result.catch(() => {});
  return { result, end: () => resolve(name), fail: (error: Error) => reject(error) };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

describe('a pool of connections', () => {
  it('opens as many as it may, lets others wait in order, and uses again what is there', async () => {
    const uses = ['a', 'b', 'c', 'd'].map(use);
    await turns();
    expect(log).toEqual(['open 1', 'a begins', 'open 2', 'b begins']);
    uses[1]!.end();
    await turns();
    expect(log.at(-1)).toBe('c begins');
    uses[0]!.end();
    await turns();
    expect(log.at(-1)).toBe('d begins');
    for (const one of uses) one.end();
    expect(await Promise.all(uses.map(({ result }) => result))).toEqual(['a', 'b', 'c', 'd']);
    use('e').end();
    await turns();
    expect(log.filter((line) => line.startsWith('open'))).toHaveLength(2);
  });

  it('gives a connection back from work that failed', async () => {
    const uses = ['a', 'b', 'c'].map(use);
    await turns();
    uses[0]!.fail(new Error('wrong SQL'));
    await expect(uses[0]!.result).rejects.toThrow('wrong SQL');
    await turns();
    expect(log.at(-1)).toBe('c begins');
  });

  it('loses no place to a connection that could not be opened, and lets nobody wait for it', async () => {
    refusals = 3;
    const refused = ['a', 'b', 'c'].map(use);
    for (const { result } of refused) await expect(result).rejects.toThrow('out of memory');
    const uses = ['d', 'e', 'f'].map(use);
    await turns();
    expect(log).toEqual(['open 1', 'd begins', 'open 2', 'e begins']);
    for (const one of uses) one.end();
    expect(await uses[2]!.result).toBe('f');
  });

  it('ends when it is retired: at once what is idle, after their use what is in use or waited for, DuckDB last', async () => {
    const [a, b, c] = ['a', 'b', 'c'].map(use);
    await turns();
    pool.retire();
    a!.end();
    await turns();
    expect(log.slice(4)).toEqual(['c begins']);
    b!.end();
    await turns();
    c!.end();
    await turns();
    expect(log.slice(5)).toEqual(['close 2', 'close 1', 'close DuckDB']);
  });

  it('that was never used takes DuckDB with it', () => {
    pool.retire();
    expect(log).toEqual(['close DuckDB']);
  });

  it('that is retired while a connection is being opened waits for it', async () => {
    const a = use('a');
    pool.retire();
    expect(log).toEqual([]);
    a.end();
    expect(await a.result).toBe('a');
    expect(log).toEqual(['open 1', 'a begins', 'close 1', 'close DuckDB']);
  });

  it('that is retired while a connection fails to open ends all the same', async () => {
    refusals = 1;
    const { result } = use('a');
    pool.retire();
    await expect(result).rejects.toThrow('out of memory');
    expect(log).toEqual(['close DuckDB']);
  });
});
