import { isRunning, processName } from '#libs/running-process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServiceProcess } from './service-process.js';

let folder: string;
let service: ServiceProcess | null;
let said: string[];
/** Waiting for a line of what was said. */
let waiting: { pattern: RegExp; tell: (match: RegExpExecArray) => void }[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-'));
  [service, said, waiting] = [null, [], []];
});
afterEach(async () => {
  service?.kill();
  await rm(folder, { recursive: true });
});

function say(line: string): void {
  said.push(line);
  for (const { pattern, tell } of waiting) {
    const match = pattern.exec(line);
    if (match) tell(match);
  }
}

const saying = (pattern: RegExp) =>
  new Promise<RegExpExecArray>((tell) => {
    waiting.push({ pattern, tell });
    said.forEach((line) => {
      const match = pattern.exec(line);
      if (match) tell(match);
    });
  });

function serviceThat(program: string): ServiceProcess {
  const main = join(folder, 'main.mjs');
  writeFileSync(main, program);
  service = new ServiceProcess({ name: 'projector', main, environment: { LAKE: 'here' } }, say);
  return service;
}

const ready = (port: number) => `process.send({ type: 'ready', port: ${port} });`;
const untilStopped = `setInterval(() => {}, 1000); process.once('disconnect', () => process.exit());`;

describe('a service process', () => {
  it('is started with its environment, and says its lines under its name', async () => {
    await serviceThat(`${untilStopped} console.log(process.env.LAKE); console.error('oh'); ${ready(7)}`).start();
    expect(service!.port).toBe(7);
    await Promise.all([saying(/^projector \| here$/), saying(/^projector \| oh$/)]);
  });

  it('that ends before it is ready did not start', async () => {
    const starting = serviceThat(`console.error('no database'); process.exit(3);`).start();
    await expect(starting).rejects.toMatchObject({
      code: 'service-did-not-start',
      message: 'The projector ended while starting (exit code 3): its own lines above say why.',
    });
    await saying(/^projector \| no database$/);
  });

  it('that is killed starts again, says so, and has no port in between', async () => {
    await serviceThat(`${untilStopped} ${ready(7)}`).start();
    const [, first] = await saying(/up: process (\d+)/);
    said = [];
    process.kill(Number(first), 'SIGKILL');
    await saying(/^projector ended \(SIGKILL\); it starts again in 0\.5 s\.$/);
    expect(service!.port).toBeNull();
    const [, second] = await saying(/up: process (\d+)/);
    expect(second).not.toBe(first);
    expect(service!.port).toBe(7);
  });

  it('is stopped by a signal that it may answer, and is not started again', async () => {
    await serviceThat(
      `${untilStopped} process.once('SIGTERM', () => { console.log('drained'); process.exit(0); }); ${ready(7)}`,
    ).start();
    await service!.stop();
    await saying(/^projector \| drained$/);
    expect(service!.port).toBeNull();
    expect(said.filter((line) => line.includes('starts again'))).toEqual([]);
  });

  it('that waits to be started again is stopped at once', async () => {
    await serviceThat(`${untilStopped} ${ready(7)}`).start();
    const [, pid] = await saying(/up: process (\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    await saying(/starts again/);
    said = [];
    await service!.stop();
    expect(said).toEqual([]);
  });

  it('can be killed', async () => {
    await serviceThat(`${untilStopped} process.on('SIGTERM', () => {}); ${ready(7)}`).start();
    const [, pid] = await saying(/up: process (\d+)/);
    const name = processName(Number(pid));
    service!.kill();
    while (service!.port !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(isRunning(name)).toBe(false);
  });
});
