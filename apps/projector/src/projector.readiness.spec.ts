import { describe, expect, it } from '@jest/globals';
import { Operations } from './operations/operations.js';
import type { Projector } from './projector.js';
import { ProjectorReadiness } from './projector.readiness.js';
import type { SourceReport, SourceWatch } from './watch/source-watch.js';

const errorOf = (code: string, message: string) => Object.assign(new Error(message), { code });

interface TableState {
  readonly table: string;
  readonly drifted?: boolean;
  readonly failure?: Error;
}

function readiness(
  state: string,
  error: Error | null,
  tables: readonly TableState[] = [],
  operations = new Operations(),
  troubles: SourceReport['troubles'] = [],
) {
  const projector = { status: { state, error }, running: { folding: { status: tables } } };
  return new ProjectorReadiness(projector as unknown as Projector, operations, { report: { troubles } } as SourceWatch);
}

describe('the projector is not ready', () => {
  it.each([
    ['park', errorOf('slot-replaced', 'The slot is another one.'), 'source-changed', /^The slot is another one\.$/],
    ...['unreadable-record', 'value-untold', 'columns-untold', 'topic-compacted'].map(
      (code) => ['park', errorOf(code, 'It reads x.'), 'source-unreadable', /^It reads x\.$/] as const,
    ),
    [
      'retry',
      errorOf('ENOSPC', 'ENOSPC: no space left on device, write'),
      'unavailable',
      /write\. Free space on the disk/,
    ],
    ['retry', new Error('IO Error: Could not write file: No space left on device'), 'unavailable', /Free space/],
    ['retry', errorOf('ECONNREFUSED', 'connect ECONNREFUSED'), 'unavailable', /See whether the source runs/],
    ['retry', errorOf('EIO', 'EIO: i/o error, fsync'), 'unavailable', /fsync\. The disk .* see the system’s log/],
    ['standby', errorOf('slot-in-use', 'slot is in use'), 'unavailable', /waits as its standby. slot is in use\.$/],
    ['opening', null, 'unavailable', /not streaming yet\.$/],
    [
      'retry',
      errorOf('source-not-ready', 'The publication is missing.'),
      'unavailable',
      /^The projection cannot go on by itself\. The publication/,
    ],
  ])('in the state %s, and says why and what to do', async (state, error, code, detail) => {
    await expect(readiness(state, error).check()).rejects.toMatchObject({
      code,
      detail: expect.stringMatching(detail),
    });
  });
});

describe('what the watch sees on the way from the source', () => {
  const trouble = (stops: boolean) => [{ code: 'any', detail: 'The way is long.', stops }];
  const said = (state: string, stops: boolean) => readiness(state, null, [], undefined, trouble(stops)).check();

  it('makes it unready where no change can come', async () => {
    await expect(said('streaming', true)).rejects.toMatchObject({ code: 'unavailable', detail: 'The way is long.' });
  });

  it('is told where changes flow all the same', async () => {
    expect(await said('streaming', false)).toBe('The way is long.');
  });

  it('says why it does not stream yet', async () => {
    await expect(said('opening', false)).rejects.toMatchObject({
      detail: expect.stringMatching(/not streaming yet\. The way is long\.$/),
    });
  });
});

describe('the projector is ready while changes flow', () => {
  it('and has nothing to say where all is well', async () => {
    expect(await readiness('streaming', null, [{ table: 'halls' }]).check()).toBeUndefined();
  });

  it('with what keeps a table back, and what to do about it', async () => {
    const failure = new Error('The changes of halls cannot be folded; this is tried again: EROFS', {
      cause: errorOf('EROFS', 'EROFS: read-only file system'),
    });
    expect(await readiness('streaming', null, [{ table: 'halls', failure }]).check()).toMatch(
      /halls cannot be folded.*EROFS\. Let the projector write/,
    );
  });

  it('with a drift, and how far its rebuild is', async () => {
    const operations = new Operations();
    const rooms = [{ table: 'rooms', drifted: true }];
    const said = () => readiness('streaming', null, rooms, operations).check();
    expect(await said()).toMatch(/rooms were made by another catalog entry.*POST \/v1\/rebuilds/);
    const work = Promise.withResolvers<null>();
    const run = (progress: (done: number, total: number) => void) => {
      progress(40, 100);
      return work.promise;
    };
    const { id } = operations.start({ kind: 'rebuild', table: 'rooms' }, { run });
    expect(await said()).toMatch(/being rebuilt: 40 of 100 positions\.$/);
    work.reject(errorOf('ENOSPC', 'no space left on device'));
    await operations.whenEnded(id);
    expect(await said()).toMatch(/rebuild failed and is tried again: no space left on device\. Free space/);
  });
});
