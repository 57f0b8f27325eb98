import { describe, expect, it } from '@jest/globals';
import { Operations } from './operations/operations.js';
import type { Projector } from './projector.js';
import { ProjectorReadiness } from './projector.readiness.js';

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
) {
  const projector = { status: { state, error }, running: { folding: { status: tables } } };
  return new ProjectorReadiness(projector as unknown as Projector, operations);
}

describe('the projector is not ready', () => {
  it.each([
    ['park', errorOf('slot-replaced', 'The slot is another one.'), 'source-changed', /^The slot is another one\.$/],
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
  ])('in the state %s, and says why and what to do', async (state, error, code, detail) => {
    await expect(readiness(state, error).check()).rejects.toMatchObject({
      code,
      detail: expect.stringMatching(detail),
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
