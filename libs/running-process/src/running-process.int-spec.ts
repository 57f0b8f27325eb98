import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { commandLine, isRunning, processName } from './running-process.js';

const started: ChildProcess[] = [];
afterEach(() => started.splice(0).forEach((child) => child.kill('SIGKILL')));

function start(command: string, ...args: string[]): ChildProcess {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(child);
  return child;
}

const listener = `
  require('node:net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port); });
  require('node:fs').readFile('.', () => {}); // more threads`;

describe('a running process', () => {
  it('is known by its name until it ends', async () => {
    const child = start('sleep', '60');
    const name = processName(child.pid!);
    expect(isRunning(name)).toBe(true);
    expect(commandLine(child.pid!)).toEqual(['sleep', '60']);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(isRunning(name)).toBe(false);
    expect(commandLine(child.pid!)).toBeNull();
  });

  it('is not mistaken for an earlier one with the same id', () => {
    const [pid, since] = processName(process.pid).split('/');
    expect(isRunning(`${pid}/${Number(since) - 1}`)).toBe(false);
  });

  it('is over once it ended, even where its parent never reaps it', async () => {
    // the shell forks a child, says its id, and becomes a program that waits for nobody
    const parent = start('sh', '-c', 'sleep 0 & echo $!; exec sleep 60');
    const [output] = (await once(parent.stdout!, 'data')) as [Buffer];
    const pid = Number(String(output).trim());
    // its command line is gone a moment before it is; if it never is, the test's time runs out
    while (isRunning(processName(pid))) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(commandLine(pid)).toHaveLength(0);
    expect(isRunning(processName(pid))).toBe(false);
  });

  it('is over only when what it held is free: its threads outlive the first one', async () => {
    for (let tries = 0; tries < 12; tries++) {
      const child = start(process.execPath, '-e', listener);
      const [port] = (await once(child.stdout!, 'data')) as [Buffer];
      const name = processName(child.pid!);
      child.kill('SIGKILL');
      while (isRunning(name)); // without a turn in which it would be reaped
      const next = createServer().listen(Number(String(port)), '127.0.0.1');
      await expect(once(next, 'listening')).resolves.toBeDefined(); // not EADDRINUSE
      next.close();
    }
  });
});
