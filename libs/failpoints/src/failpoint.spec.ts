import { afterEach, describe, expect, it } from '@jest/globals';
import { failpoint, armFailpoints } from './failpoint.js';
import { failpoints } from './failpoint-names.js';
import { parseFailpoints } from './parse-failpoints.js';

afterEach(() => armFailpoints(null));

describe('FAILPOINTS', () => {
  it.each([
    ['append.before-commit=kill@3', { name: 'append.before-commit', action: 'kill', first: 3, last: 3 }],
    ['append.before-commit=EIO@1..4', { name: 'append.before-commit', action: 'EIO', first: 1, last: 4 }],
    ['fold.before-commit=pause', { name: 'fold.before-commit', action: 'pause', first: 1, last: Infinity }],
    [
      'commit.before-link:changelog=ENOSPC@2',
      { name: 'commit.before-link', table: 'changelog', action: 'ENOSPC', first: 2, last: 2 },
    ],
  ])('%s is understood', (text, arming) => {
    expect(parseFailpoints(text)).toEqual([arming]);
  });

  it('is a list', () => {
    expect(parseFailpoints('snapshot.begin=kill, snapshot.rows=EIO@2').map(({ name }) => name)).toEqual([
      'snapshot.begin',
      'snapshot.rows',
    ]);
  });

  it.each([
    ['append.before-commit', 'wanted is name=action@hit, like append.before-commit=kill@3.'],
    ['append.before-commit=kill@0', 'wanted is name=action@hit'],
    ['append.before-lunch=kill', `wanted is one of ${Object.keys(failpoints).join(', ')}.`],
    ['append.before-commit=explode', 'wanted is kill, pause or the name of an errno like ENOSPC or EIO.'],
    ['append.before-commit=EIO@4..2', 'wanted is a range of hits that ends at or after its start.'],
  ])('%s is refused in a sentence', (entry, wanted) => {
    const refused = expect.objectContaining({
      code: 'invalid-failpoints',
      message: expect.stringContaining(`FAILPOINTS has ${JSON.stringify(entry)}; ${wanted}`),
    });
    expect(() => armFailpoints(`snapshot.begin=kill,${entry}`)).toThrow(refused);
  });

  it('has no pause without the log beside which its end is looked for', () => {
    expect(() => armFailpoints('fold.before-commit=pause')).toThrow('wanted is a file in FAILPOINTS_LOG beside it.');
  });
});

describe('a failpoint', () => {
  const outcome = (...step: Parameters<typeof failpoint>) => {
    try {
      return failpoint(...step) ?? 'passed';
    } catch (error) {
      return (error as NodeJS.ErrnoException).code;
    }
  };

  it('is passed where nothing is armed, and where another one is', () => {
    expect(outcome('fold.before-commit')).toBe('passed');
    armFailpoints('fold.after-commit=EIO');
    expect(outcome('fold.before-commit')).toBe('passed');
  });

  it('fails at the hits that are named, and only at those', () => {
    armFailpoints('fold.before-commit=ENOSPC@2..3,fold.before-commit=EIO@2');
    const outcomes = [1, 2, 3, 4, 5].map(() => outcome('fold.before-commit'));
    // the second arming counts the hits that the first one let pass: 1, 4
    expect(outcomes).toEqual(['passed', 'ENOSPC', 'ENOSPC', 'EIO', 'passed']);
  });

  it("counts a table's hits alone where a table is named", () => {
    armFailpoints('commit.before-link:changelog=EIO@2');
    const steps = ['/lake/changelog', '/lake/quarantine', undefined, '/lake/changelog', '/lake/changelog'];
    expect(steps.map((folder) => outcome('commit.before-link', folder))).toEqual([
      'passed',
      'passed',
      'passed',
      'EIO',
      'passed',
    ]);
  });

  it('fails as a system call does', () => {
    armFailpoints('fold.before-commit=ENOSPC');
    expect(() => failpoint('fold.before-commit')).toThrow(
      expect.objectContaining({
        message: 'ENOSPC: no space left on device, write',
        code: 'ENOSPC',
        errno: -28,
        syscall: 'write',
      }),
    );
  });
});
