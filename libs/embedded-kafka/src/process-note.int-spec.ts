import { isRunning, processName } from '#libs/running-process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endNoted, readNote, writeNote } from './process-note.js';

let folder: string;
let file: string;
const started: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'note-'));
  file = join(folder, 'broker.pid');
});
afterEach(async () => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

/** A program with `setting` on its command line, as java has it. Resolves when it runs what it is told. */
async function start(setting: string, then = ''): Promise<number> {
  const program = `${then}; process.stdout.write('here'); setInterval(() => {}, 60000)`;
  const child = spawn(process.execPath, ['-e', program, '--', setting], { stdio: ['ignore', 'pipe', 'ignore'] });
  started.push(child);
  await once(child.stdout!, 'data');
  return child.pid!;
}

const ours = () => `-Dkafka.logs.dir=${folder}/`;
const about = { address: '127.0.0.1:9092' };

describe('the note of a process', () => {
  it('tells what is known of it while it runs', async () => {
    const pid = await start(ours());
    writeNote(file, { pid, about });
    expect(readNote(file, folder)).toEqual({ pid, about });
  });

  it('tells nothing of one that ended, of no file and of half a file', async () => {
    expect(readNote(file, folder)).toBeNull();
    writeFileSync(file, '{"pid":');
    expect(readNote(file, folder)).toBeNull();
    const pid = await start(ours());
    writeNote(file, { pid, about });
    started[0]!.kill('SIGKILL');
    await once(started[0]!, 'exit');
    expect(readNote(file, folder)).toBeNull();
  });

  it.each([
    ['of another folder', () => `-Dkafka.logs.dir=${folder}/elsewhere/`],
    ['that is no Kafka at all', () => '60'],
  ])('never leads to a process %s that got its id', async (_, setting) => {
    const pid = await start(setting());
    writeNote(file, { pid, about });
    expect(readNote(file, folder)).toBeNull();
    expect(await endNoted(file, folder)).toBe(false);
    expect(isRunning(processName(pid))).toBe(true);
    expect(existsSync(file)).toBe(false);
  });

  it('ends it in order, and then tells that there is nothing to end', async () => {
    const pid = await start(ours());
    writeNote(file, { pid, about });
    const ended = once(started[0]!, 'exit');
    expect(await endNoted(file, folder)).toBe(true);
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(existsSync(file)).toBe(false);
    expect(await endNoted(file, folder)).toBe(false);
  });

  it('kills one that does not end in time', async () => {
    const pid = await start(ours(), "process.on('SIGTERM', () => {})");
    writeNote(file, { pid, about });
    const ended = once(started[0]!, 'exit');
    expect(await endNoted(file, folder, 100)).toBe(true);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });
});
