import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import type { Provocation, Verified } from './strike.js';

/** `slim`: without its HTTP edge. */
export type Form = 'slim' | 'whole';

const dist = join(dirname(findPackageJSON(import.meta.url)!), 'dist');
const mains: Readonly<Record<Form, string>> = {
  slim: join(dist, 'bench/crashes/slim-projector.js'),
  whole: join(dist, 'apps/projector/src/main.js'),
};

/** A projector of the build in a process of its own, to be killed. */
export class ProjectorProcess {
  private readonly child: ChildProcess;
  readonly said: string[] = [];
  readonly verified: Verified[] = [];
  /** Resolves with the signal that ended it, or null. */
  readonly ended: Promise<NodeJS.Signals | null>;
  /** Where it listens; null if it ended first or has no edge. */
  readonly url: Promise<string | null>;
  private streams: () => void = () => {};
  /** Resolves once changes flow, or it has ended. */
  readonly streaming: Promise<void>;

  constructor(form: Form, environment: Readonly<Record<string, string>>) {
    const env = { ...process.env, PORT: '0', LOG_LEVEL: 'warn', ...environment };
    const child = fork(mains[form], [], { env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    this.child = child;
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => this.said.push(String(text)));
    this.ended = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null);
    this.streaming = Promise.race([this.ended.then(() => {}), new Promise<void>((tell) => (this.streams = tell))]);
    const port = new Promise<number>((tell) =>
      child.on('message', (message: { type?: string; port?: number; state?: string; verified?: Verified }) => {
        if (message.type === 'ready') tell(message.port!);
        if (message.state === 'streaming') this.streams();
        if (message.verified) this.verified.push(message.verified);
      }),
    );
    this.url = Promise.race([port.then((number) => `http://127.0.0.1:${number}`), this.ended.then(() => null)]);
  }

  /** null before it ended, and where a signal ended it. */
  get exitCode(): number | null {
    return this.child.exitCode;
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Whoever dies while it is told needs to be told no more. */
  tell(message: Provocation): void {
    if (this.child.connected) this.child.send(message, () => {});
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Resolves when it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.child.kill(signal);
    await this.ended;
  }
}
