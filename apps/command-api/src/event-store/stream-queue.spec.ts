import { describe, expect, it } from '@jest/globals';
import { StreamQueue } from './stream-queue.js';

/** Work that notes its beginning and end, and ends when told to. */
function work(log: string[], name: string) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const run = async () => {
    log.push(`${name} begins`);
    try {
      return await promise;
    } finally {
      log.push(`${name} ends`);
    }
  };
  return { run, finish: () => resolve(name), fail: () => reject(new Error(name)) };
}

describe('the queue of a stream', () => {
  it('begins the second when the first has ended, also when it failed', async () => {
    const [queue, log] = [new StreamQueue(), [] as string[]];
    const [one, two] = [work(log, 'one'), work(log, 'two')];
    const first = queue.run('s', one.run);
    const second = queue.run('s', two.run);
    two.finish();
    one.fail();
    await expect(first).rejects.toThrow('one');
    await expect(second).resolves.toBe('two');
    expect(log).toEqual(['one begins', 'one ends', 'two begins', 'two ends']);
  });

  it('lets other streams go on', async () => {
    const [queue, log] = [new StreamQueue(), [] as string[]];
    const [one, two] = [work(log, 'one'), work(log, 'two')];
    const first = queue.run('s', one.run);
    const second = queue.run('t', two.run);
    two.finish();
    await second;
    expect(log).toEqual(['one begins', 'two begins', 'two ends']);
    one.finish();
    await first;
  });

  it('remembers no stream that is at rest', async () => {
    const queue = new StreamQueue();
    await Promise.allSettled(
      [1, 2, 3].map((n) => queue.run('s', () => (n === 2 ? Promise.reject(n) : Promise.resolve(n)))),
    );
    await Promise.resolve();
    expect(queue.size).toBe(0);
  });
});
