import { fork, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServiceLaunch {
  readonly name: string;
  /** The built program; it is configured by its environment alone, and tells `{ type: 'ready', port }` by IPC. */
  readonly main: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A service ended before it took its first request; what it said of that stands in its log lines. */
export class ServiceDidNotStart extends Error {
  readonly code = 'service-did-not-start';
  constructor(
    readonly service: string,
    how: string,
  ) {
    super(`The ${service} ended while starting (${how}): its own lines above say why.`);
    this.name = 'ServiceDidNotStart';
  }
}

/** Milliseconds. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
/** Whoever ran this long was well: its next end is a first one again. */
const RECOVERED = 60_000;
/** A service takes up to 11 s to finish what it is doing. */
const PATIENCE = 15_000;

interface Running {
  readonly child: ChildProcess;
  /** How it ended. */
  readonly ended: Promise<string>;
  readonly ready: Promise<boolean>;
}

/** A service in a process of its own, started again whenever it ends by itself, with growing pauses. */
export class ServiceProcess {
  /** Where it takes requests; null while it does not. */
  port: number | null = null;
  private running: Running | null = null;
  private readonly unwanted = new AbortController();

  constructor(
    private readonly launch: ServiceLaunch,
    private readonly say: (line: string) => void,
    /** Told of each process that is started. */
    private readonly started: (pid: number) => void = () => {},
  ) {}

  get name(): string {
    return this.launch.name;
  }

  /** Resolves when it takes requests. @throws ServiceDidNotStart */
  async start(): Promise<void> {
    const first = this.run();
    if (!(await first.ready)) throw new ServiceDidNotStart(this.name, await first.ended);
    void this.keepRunning(first);
  }

  /** Resolves when it has finished what it was doing, or was killed for taking too long. */
  async stop(): Promise<void> {
    this.unwanted.abort();
    const { running } = this;
    if (!running) return;
    running.child.kill('SIGTERM');
    const overdue = setTimeout(() => {
      this.say(`${this.name} did not stop within ${PATIENCE / 1000} s and is killed.`);
      running.child.kill('SIGKILL');
    }, PATIENCE);
    await running.ended;
    clearTimeout(overdue);
  }

  kill(): void {
    this.unwanted.abort();
    this.running?.child.kill('SIGKILL');
  }

  private async keepRunning(first: Running): Promise<void> {
    const { signal } = this.unwanted;
    let [running, pause, since] = [first, FIRST_PAUSE, Date.now()];
    for (;;) {
      const how = await running.ended;
      if (signal.aborted) return;
      if (Date.now() - since > RECOVERED) pause = FIRST_PAUSE;
      this.say(`${this.name} ended (${how}); it starts again in ${pause / 1000} s.`);
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      [running, pause, since] = [this.run(), Math.min(pause * 2, LONGEST_PAUSE), Date.now()];
    }
  }

  private run(): Running {
    const child = fork(this.launch.main, [], {
      env: { ...process.env, ...this.launch.environment },
      execArgv: [],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // In a process group of its own: a terminal's Ctrl-C reaches this process alone, which stops the others in order.
      // Should this one be killed, they notice that the IPC channel ended.
      detached: process.platform !== 'win32',
    });
    if (child.pid !== undefined) this.started(child.pid);
    for (const stream of [child.stdout!, child.stderr!])
      createInterface({ input: stream }).on('line', (line) => this.say(`${this.name} | ${line}`));
    const ended = this.endOf(child);
    const ready = Promise.race([this.readinessOf(child), ended.then(() => false)]);
    this.running = { child, ended, ready };
    return this.running;
  }

  private readinessOf(child: ChildProcess): Promise<boolean> {
    return new Promise((tell) =>
      child.on('message', (message: { type?: string; port?: number } | null) => {
        if (message?.type !== 'ready' || typeof message.port !== 'number') return;
        this.port = message.port;
        this.say(`${this.name} is up: process ${child.pid}, port ${message.port}.`);
        tell(true);
      }),
    );
  }

  private async endOf(child: ChildProcess): Promise<string> {
    const how = await new Promise<string>((tell) => {
      child.once('error', (error) => tell(error.message));
      child.once('exit', (code, signal) => tell(signal ?? `exit code ${code}`));
    });
    this.port = null;
    this.running = null;
    return how;
  }
}
