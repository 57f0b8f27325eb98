/** The built product on ports and data of the test's own, run and killed as people and machines do it. */
import { isRunning, processName } from '#libs/running-process';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export type Service = 'projector' | 'command-api' | 'query-api';
export const services: readonly Service[] = ['projector', 'command-api', 'query-api'];

/** Beside package.json, wherever this file was built to. */
const root = dirname(findPackageJSON(import.meta.url)!);
const main = join(root, 'dist', 'apps', 'standalone', 'src', 'main.js');
export const anyPorts = {
  PORT: '0',
  COMMAND_API_PORT: '0',
  QUERY_API_PORT: '0',
  PROJECTOR_PORT: '0',
  POSTGRES_PORT: '0',
  KAFKA_PORT: '0',
  KAFKA_CONTROLLER_PORT: '0',
  CONNECT_PORT: '0',
};

/** A run of the product's program, from its start to its end. */
export class Run {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly child: ChildProcess;
  /** Its exit code; null if a signal ended it. */
  readonly ended: Promise<number | null>;
  /** The port of the origin; null if it ended before it was ready. */
  readonly ready: Promise<number | null>;

  constructor(
    readonly dataDir: string,
    environment: Readonly<Record<string, string>> = {},
  ) {
    this.child = spawn(process.execPath, [main], {
      env: { ...process.env, ...anyPorts, DATA_DIR: dataDir, ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line));
    createInterface({ input: this.child.stderr! }).on('line', (line) => this.errors.push(line));
    this.ended = new Promise((tell) => this.child.once('close', (code) => tell(code)));
    const port = new Promise<number>((tell) =>
      this.child.on(
        'message',
        (message: { type: string; port: number }) => message.type === 'ready' && tell(message.port),
      ),
    );
    this.ready = Promise.race([port, this.ended.then(() => null)]);
  }

  /** The process of a service as it was last said to be up. */
  pidOf(service: Service): number {
    const line = this.lines.findLast((said) => said.startsWith(`${service} is up: process `));
    if (!line) throw new Error(`${service} was never up:\n${this.lines.join('\n')}`);
    return Number(/process (\d+)/.exec(line)![1]);
  }

  postgresPid(): number | null {
    const file = join(this.dataDir, 'postgres', 'postmaster.pid');
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : null;
  }

  /** Names of every process of the product, to be asked later whether they still run. */
  processes(): string[] {
    const pids = [this.child.pid!, this.postgresPid(), ...services.map((service) => this.pidOf(service))];
    return pids.filter((pid) => pid !== null).map(processName);
  }
}

export class Product {
  private constructor(
    readonly dataDir: string,
    private readonly environment: Readonly<Record<string, string>>,
    public run: Run,
    public url: string,
  ) {}

  /** @throws if it ends instead, with what it said. */
  static async start(environment: Readonly<Record<string, string>> = {}): Promise<Product> {
    const dataDir = join(await mkdtemp(join(tmpdir(), 'product-')), 'data');
    const { run, url } = await startRun(dataDir, environment);
    return new Product(dataDir, environment, run, url);
  }

  /** Again on the same data, after it ended. */
  async startAgain(): Promise<void> {
    const { run, url } = await startRun(this.dataDir, this.environment);
    [this.run, this.url] = [run, url];
  }

  /** kill -9; resolves when the process is gone. */
  async kill(service: Service): Promise<void> {
    await killed(this.run.pidOf(service));
  }

  /** kill -9 of everything at once: as if the machine had lost its power, but for what the kernel had in memory. */
  async killEverything(): Promise<void> {
    const processes = this.run.processes(); // the one that would start others again comes first
    for (const name of processes.filter(isRunning)) process.kill(Number.parseInt(name, 10), 'SIGKILL');
    await gone(processes);
  }

  /** As Ctrl-C does; resolves with the exit code. */
  stop(): Promise<number | null> {
    this.run.child.kill('SIGINT');
    return this.run.ended;
  }

  /** Whatever a test left: nothing runs and nothing is kept afterwards. */
  async discard(): Promise<void> {
    await this.stop();
    await rm(join(this.dataDir, '..'), { recursive: true, force: true });
  }
}

async function startRun(dataDir: string, environment: Readonly<Record<string, string>>) {
  const run = new Run(dataDir, environment);
  const port = await run.ready;
  if (port === null) throw new Error(`The product did not start:\n${[...run.lines, ...run.errors].join('\n')}`);
  return { run, url: `http://127.0.0.1:${port}` };
}

/** Resolves when none of the processes runs any more. */
export async function gone(processes: readonly string[]): Promise<void> {
  while (processes.some(isRunning)) await sleep(10);
}

async function killed(pid: number): Promise<void> {
  const name = processName(pid);
  process.kill(pid, 'SIGKILL');
  await gone([name]);
}
