import { processName } from '#libs/running-process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDataFolder } from './data-folder-lock.js';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'lock-')), 'data');
  file = join(folder, 'standalone.lock');
});
afterEach(() => rm(join(folder, '..'), { recursive: true }));

/** The name of a process that ended: this one's id, started at another time. */
const somebodyGone = `${process.pid}/1`;

describe('the lock of a data folder', () => {
  it('makes the folder, names this process, and is gone when released', async () => {
    const lock = await lockDataFolder(folder);
    expect(readFileSync(file, 'utf8')).toBe(processName(process.pid));
    expect(readdirSync(folder)).toEqual(['standalone.lock']);
    await lock.release();
    expect(existsSync(file)).toBe(false);
  });

  it('is refused while its owner runs', async () => {
    await lockDataFolder(folder);
    await expect(lockDataFolder(folder)).rejects.toMatchObject({ code: 'data-folder-locked', pid: process.pid });
    expect(readFileSync(file, 'utf8')).toBe(processName(process.pid));
  });

  it('is taken over from an owner that is gone, even where another process has got its id', async () => {
    await (await lockDataFolder(folder)).release();
    writeFileSync(file, somebodyGone);
    await lockDataFolder(folder);
    expect(readFileSync(file, 'utf8')).toBe(processName(process.pid));
    expect(readdirSync(folder)).toEqual(['standalone.lock']);
  });

  it('is taken over from an owner that was killed before it had written its name', async () => {
    await (await lockDataFolder(folder)).release();
    writeFileSync(file, '');
    await lockDataFolder(folder);
    expect(readFileSync(file, 'utf8')).toBe(processName(process.pid));
  });
});
