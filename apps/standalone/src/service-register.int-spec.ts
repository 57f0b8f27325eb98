import { isRunning, processName } from '#libs/running-process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceRegister } from './service-register.js';

let folder: string;
let service: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'register-'));
  service = spawn('sleep', ['60']);
});
afterEach(async () => {
  service.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

describe('the services of an earlier run', () => {
  it('are waited for while they end by themselves', async () => {
    const name = processName(service.pid!);
    new ServiceRegister(folder).add(service.pid!);
    const waiting = new ServiceRegister(folder).endOrphans();
    expect(await Promise.race([waiting, Promise.resolve('waits')])).toBe('waits');
    service.kill('SIGTERM');
    await waiting;
    expect(isRunning(name)).toBe(false);
    expect(existsSync(join(folder, 'standalone.services'))).toBe(false);
  });

  it('are killed if they do not end', async () => {
    const name = processName(service.pid!);
    new ServiceRegister(folder).add(service.pid!);
    await new ServiceRegister(folder).endOrphans();
    expect(isRunning(name)).toBe(false);
  });

  it('are not mistaken for processes that got their ids since', async () => {
    writeFileSync(join(folder, 'standalone.services'), `${service.pid}/1\n`);
    await new ServiceRegister(folder).endOrphans();
    expect(isRunning(processName(service.pid!))).toBe(true);
  });
});
