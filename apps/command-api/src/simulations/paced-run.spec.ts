import { describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { PacedRun, type PacedWork } from './paced-run.js';

/** Work that notes what was started, and ends each number when told to. */
function work(options: Partial<PacedWork> = {}) {
  const started: number[] = [];
  const ends = new Map<number, PromiseWithResolvers<boolean>>();
  const run = new PacedRun({
    from: 0,
    to: 10,
    rate: null,
    atOnce: 3,
    execute(index) {
      started.push(index);
      const end = Promise.withResolvers<boolean>();
      ends.set(index, end);
      return end.promise;
    },
    ...options,
  });
  const finish = async (index: number, done = true) => {
    ends.get(index)!.resolve(done);
    await sleep(0);
  };
  const fail = (index: number) => ends.get(index)!.reject(new Error(`failed at ${index}`));
  /** Resolves when the first are started. */
  const begin = async () => {
    const ending = run.run();
    ending.catch(() => {}); // whoever wants to know asks later
    await sleep(0);
    return { ending };
  };
  return { run, begin, started, finish, fail };
}

const atOnce = (options: Partial<PacedWork> = {}) => work({ execute: async () => true, ...options });

describe('a paced run', () => {
  it('does everything from its beginning to its end, once, in order', async () => {
    const done: number[] = [];
    const execute = async (index: number) => done.push(index) > 0;
    const { run } = work({ from: 4, to: 9, execute });
    await run.run();
    expect(done).toEqual([4, 5, 6, 7, 8]);
    expect(run.done).toBe(9);
  });

  it('has so many at once and no more', async () => {
    const { begin, started, finish } = work();
    await begin();
    expect(started).toEqual([0, 1, 2]);
    await finish(1);
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('is done up to the first that is not, whatever has ended behind it', async () => {
    const { run, begin, finish } = work();
    await begin();
    await finish(1);
    await finish(2);
    expect(run.done).toBe(0);
    await finish(0);
    expect(run.done).toBe(3);
  });

  it('starts nothing after it was stopped, and waits for what was started', async () => {
    const { run, begin, started, finish } = work();
    const { ending } = await begin();
    let ended = false;
    void ending.then(() => (ended = true));
    run.stop();
    await finish(0);
    await finish(1);
    expect(ended).toBe(false);
    await finish(2);
    await ending;
    expect(started).toEqual([0, 1, 2]);
    expect(run.done).toBe(3);
  });

  it('is not done with what was given up', async () => {
    const { run, begin, finish } = work();
    const { ending } = await begin();
    run.stop();
    await finish(0);
    await finish(1, false);
    await finish(2);
    await ending;
    expect(run.done).toBe(1);
  });

  it('ends with the first error, after what was started has ended', async () => {
    const { run, begin, started, finish, fail } = work();
    const { ending } = await begin();
    fail(1);
    await sleep(0);
    await finish(0);
    await finish(2);
    await expect(ending).rejects.toThrow('failed at 1');
    expect(started).toEqual([0, 1, 2]);
    expect(run.done).toBe(1);
  });

  it('is no faster than its rate', async () => {
    const began = performance.now();
    const { run } = atOnce({ rate: 200, to: 21 });
    await run.run();
    // the first starts at once, so the last starts after 100 ms; timers may be a little early, but nothing unpaced takes 90
    expect(performance.now() - began).toBeGreaterThanOrEqual(90);
    expect(run.measuredRate).toBeLessThanOrEqual((21 / 89) * 1000);
  });

  it('does not count what it was still waiting for when it was stopped', async () => {
    const { run, begin } = atOnce({ rate: 0.01 });
    const { ending } = await begin();
    run.stop();
    await ending;
    expect(run.done).toBe(1);
  });
});
