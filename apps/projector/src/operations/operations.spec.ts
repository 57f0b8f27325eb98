import { describe, expect, it } from '@jest/globals';
import type { TellProgress } from './operation.js';
import { AlreadyRunning, Operations, type OperationStatus } from './operations.js';

/** Work that goes on until it is told how it ends. */
function held() {
  const { promise, resolve, reject } = Promise.withResolvers<object | null>();
  const told: { progress?: TellProgress; signal?: AbortSignal } = {};
  const run = (progress: TellProgress, signal: AbortSignal) => {
    Object.assign(told, { progress, signal });
    signal.addEventListener('abort', () => reject(new Error('interrupted')));
    return promise;
  };
  return { run, resolve, reject, told };
}

const rebuild = (table: string) => ({ kind: 'rebuild', table }) as const;

describe('an operation', () => {
  it('is running with its progress, then done with its report', async () => {
    const operations = new Operations();
    const work = held();
    const { id } = operations.start(rebuild('halls'), work);
    expect(operations.find(id)).toMatchObject({ state: 'running', done: 0, total: null, finishedAt: null });
    work.told.progress!(3, 10);
    expect(operations.running).toMatchObject([{ id, kind: 'rebuild', table: 'halls', done: 3, total: 10 }]);
    work.resolve({ equal: true });
    await operations.whenEnded(id);
    expect(operations.find(id)).toMatchObject({ state: 'done', report: { equal: true }, error: null, done: 3 });
    expect(operations.find(id)!.finishedAt).toBeInstanceOf(Date);
    expect(operations.running).toEqual([]);
  });

  it('is failed with its error', async () => {
    const ended: OperationStatus[] = [];
    const operations = new Operations((status) => ended.push(status));
    const work = held();
    const { id } = operations.start(rebuild('halls'), work);
    work.reject(new Error('ENOSPC'));
    await operations.whenEnded(id);
    expect(operations.find(id)).toMatchObject({ state: 'failed', error: new Error('ENOSPC'), report: null });
    expect(ended).toEqual([operations.find(id)]);
  });

  it('that throws before it waits for anything is failed as well', async () => {
    const operations = new Operations();
    const run = () => {
      throw new Error('at once');
    };
    const { id } = operations.start(rebuild('halls'), { run });
    await operations.whenEnded(id);
    expect(operations.find(id)).toMatchObject({ state: 'failed', error: new Error('at once') });
  });

  it('is cancelled when it ends because it was asked to', async () => {
    const operations = new Operations();
    const { id } = operations.start(rebuild('halls'), held());
    await operations.cancel(id);
    expect(operations.find(id)).toMatchObject({ state: 'cancelled', error: null });
    await operations.cancel(id);
    expect(operations.find(id)).toMatchObject({ state: 'cancelled' });
  });

  it('that was finished when it was cancelled is done', async () => {
    const operations = new Operations();
    const { id } = operations.start(rebuild('halls'), { run: async () => ({ rows: 1 }) });
    await operations.cancel(id);
    expect(operations.find(id)).toMatchObject({ state: 'done', report: { rows: 1 } });
  });
});

describe('operations', () => {
  it('of one kind and table go one at a time, of others beside them', async () => {
    const operations = new Operations();
    const first = operations.start(rebuild('halls'), held());
    expect(() => operations.start(rebuild('halls'), held())).toThrow(AlreadyRunning);
    expect(() => operations.start(rebuild('halls'), held())).toThrow(
      expect.objectContaining({ running: expect.objectContaining({ id: first.id }) }),
    );
    operations.start(rebuild('rooms'), held());
    operations.start({ kind: 'verification', table: 'halls' }, held());
    expect(operations.running).toHaveLength(3);
    await operations.cancel(first.id);
    operations.start(rebuild('halls'), held());
    expect(operations.list('rebuild').map(({ table, state }) => [table, state])).toEqual([
      ['halls', 'running'],
      ['rooms', 'running'],
      ['halls', 'cancelled'],
    ]);
    await operations.stop();
    expect(operations.running).toEqual([]);
  });

  it('that have ended are forgotten after a hundred, running ones never', async () => {
    const operations = new Operations();
    const running = operations.start(rebuild('halls'), held());
    const ids: string[] = [];
    for (let i = 0; i < 101; i++) {
      const { id } = operations.start(rebuild('rooms'), { run: async () => null });
      await operations.whenEnded(id);
      ids.push(id);
    }
    expect(operations.find(ids[0]!)).toBeNull();
    expect(operations.find(ids[1]!)).toMatchObject({ state: 'done' });
    expect(operations.find(running.id)).toMatchObject({ state: 'running' });
    await operations.stop();
  });
});
