import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { armFailpoints, failpoint } from './failpoint.js';

const root = mkdtempSync(join(tmpdir(), 'failpoints-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const program = `import { failpoint } from '#libs/failpoints';
  import { existsSync } from 'node:fs';
  for (let step = 1; step <= 3; step++) {
    await failpoint('append.before-commit', '/lake/changelog');
    console.log(step, existsSync(process.env.FAILPOINTS_LOG + '.append.before-commit') ? 'let go' : '');
  }`;
const runTypeScript = join(import.meta.dirname, '../../../tools/run-typescript.mjs');

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, ['--import', runTypeScript, '--input-type=module', '-e', program], {
    cwd: import.meta.dirname,
    env: { ...process.env, ...env },
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, out, err, pid: child.pid }));
  return { child, ended };
}

const linesOf = (log: string) =>
  readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('an error at every hit', () => {
  afterEach(() => armFailpoints(null));

  it('rests while there is a file of its name, and is not told of then', () => {
    const log = join(root, 'error.log');
    armFailpoints('fold.before-commit=ENOSPC,fold.after-commit=EIO@2', log);
    const [here, other] = [`${log}.fold.before-commit`, `${log}.fold.after-commit`];
    const fails = (name: 'fold.before-commit' | 'fold.after-commit') => {
      try {
        return void failpoint(name);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };
    writeFileSync(here, '');
    writeFileSync(other, ''); // of an error that has its hits
    expect([fails('fold.before-commit'), fails('fold.after-commit'), fails('fold.after-commit')]).toEqual([
      ...[undefined, undefined, 'EIO'],
    ]);
    rmSync(here);
    expect([fails('fold.before-commit'), fails('fold.before-commit')]).toEqual(['ENOSPC', 'ENOSPC']);
    writeFileSync(here, '');
    expect(fails('fold.before-commit')).toBeUndefined();
    expect(linesOf(log).map(({ name, hit }) => [name, hit])).toEqual([
      ...[
        ['fold.after-commit', 2],
        ['fold.before-commit', 2],
        ['fold.before-commit', 3],
      ],
    ]);
  });
});

describe('a process with failpoints', () => {
  it('dies in the step that is named, after it was written down', async () => {
    const log = join(root, 'kill.log');
    const { ended } = start({ FAILPOINTS: 'append.before-commit=kill@2', FAILPOINTS_LOG: log });
    const { signal, out, pid } = await ended;
    expect({ signal, out }).toEqual({ signal: 'SIGKILL', out: '1 \n' });
    expect(linesOf(log)).toEqual([{ name: 'append.before-commit', table: 'changelog', hit: 2, action: 'kill', pid }]);
  });

  it('waits where it is told to, until it is let go', async () => {
    const log = join(root, 'pause.log');
    const { ended } = start({ FAILPOINTS: 'append.before-commit=pause@2', FAILPOINTS_LOG: log });
    while (!existsSync(log)) await new Promise((resolve) => setTimeout(resolve, 5));
    writeFileSync(`${log}.append.before-commit`, '');
    expect(await ended).toMatchObject({ code: 0, out: '1 \n2 let go\n3 let go\n' });
    expect(linesOf(log)).toMatchObject([{ hit: 2, action: 'pause' }]);
  });

  it('does not start with a wrong value, and says what is wrong', async () => {
    const { ended } = start({ FAILPOINTS: 'append.before-commit=boom' });
    expect(await ended).toMatchObject({
      code: 1,
      out: '',
      err: 'FAILPOINTS has "append.before-commit=boom"; wanted is kill, pause or the name of an errno like ENOSPC or EIO.\n',
    });
  });
});
