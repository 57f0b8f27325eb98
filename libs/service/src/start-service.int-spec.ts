import { afterEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** A service with one route, which answers when its parent says so. Plain JavaScript: it is not compiled. */
const source = `
  import { Controller, Get, Module } from '@nestjs/common';
  const { readConfig, serviceVariables, startService } = await import(${JSON.stringify(new URL('index.ts', import.meta.url).href)});
  class SlowController {
    async answer() {
      const told = new Promise((done) => process.once('message', done));
      process.send({ type: 'entered' });
      await told;
      return { answered: true };
    }
  }
  Get('slow')(SlowController.prototype, 'answer', Object.getOwnPropertyDescriptor(SlowController.prototype, 'answer'));
  Controller()(SlowController);
  class SlowModule {
    onApplicationShutdown() { process.stdout.write('let go\\n'); }
  }
  Module({ controllers: [SlowController] })(SlowModule);
  const config = readConfig(serviceVariables(0, {}), process.env);
  await startService({ name: 'slow', title: 'Slow', description: 'A test.', module: SlowModule, config });`;

const hooks = new URL('../../../tools/run-typescript.mjs', import.meta.url).href;
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

interface Run {
  readonly child: ChildProcess;
  readonly said: { stdout: string; stderr: string };
  /** Exit code or signal. */
  readonly ended: Promise<unknown>;
}

function run(env: Record<string, string> = {}, ...args: string[]): Run {
  const child = spawn(process.execPath, ['--import', hooks, '--input-type=module', '-e', source, '--', ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, LOG_LEVEL: 'warn', ...env },
  });
  running.push(child);
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream]!.setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
  // 'close' would do for both, but it does not come to a parent that disconnected.
  const drained = [child.stdout!, child.stderr!].map((stream) => once(stream, 'close'));
  const ended = Promise.all([once(child, 'exit'), ...drained]).then(([[code, signal]]) => (code ?? signal) as unknown);
  return { child, said, ended };
}

const message = async ({ child }: Run, type: string): Promise<Record<string, unknown>> => {
  for (;;) {
    const [told] = (await once(child, 'message')) as [Record<string, unknown>];
    if (told['type'] === type) return told;
  }
};

async function started(): Promise<Run & { url: string }> {
  const service = run();
  const { port } = await message(service, 'ready');
  return { ...service, url: `http://127.0.0.1:${String(port)}` };
}

describe('a running service', () => {
  it('tells its parent the port it took, and answers there', async () => {
    const { url } = await started();
    expect(await (await fetch(`${url}/health/ready`)).json()).toEqual({ status: 'ready', checks: [] });
  }, 60_000);

  it('told to stop, finishes what it began, takes nothing new and lets its own go last', async () => {
    const service = await started();
    const entered = message(service, 'entered');
    const slow = fetch(`${service.url}/slow`);
    await entered;
    service.child.kill('SIGTERM');
    while (
      await fetch(`${service.url}/health/ready`).then(
        (answer) => answer.ok,
        () => false,
      )
    );
    expect(service.said.stdout).toBe('');
    service.child.send('go on');
    expect(await (await slow).json()).toEqual({ answered: true });
    expect([await service.ended, service.said]).toEqual([0, { stdout: 'let go\n', stderr: '' }]);
  }, 60_000);

  it('stops when its parent is gone', async () => {
    const service = await started();
    service.child.disconnect();
    expect(await service.ended).toBe(0);
  }, 60_000);

  it('says in a sentence why it cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const service = run({ PORT: String(port) });
    expect(await service.ended).toBe(1);
    expect(service.said.stderr).toMatch(/^slow cannot start: listen EADDRINUSE.*\n$/);
    taken.close();
  }, 60_000);

  it('says in sentences what is wrong with its configuration', async () => {
    const service = run({ PORT: 'http', LOG_LEVEL: 'loud' });
    expect([await service.ended, service.said.stderr]).toEqual([
      1,
      'PORT is "http"; wanted is a whole number from 0 to 65535.\nLOG_LEVEL is "loud"; wanted is one of fatal, error, warn, info, debug, trace, silent.\n',
    ]);
  }, 60_000);

  it('prints its OpenAPI document instead, when asked to', async () => {
    const service = run({}, '--openapi');
    expect([await service.ended, service.said.stderr]).toEqual([0, '']);
    const document = JSON.parse(service.said.stdout) as { paths: object };
    expect(Object.keys(document.paths)).toEqual(['/health/live', '/health/ready', '/slow']);
  }, 60_000);
});
