/** One of the built services in a process of its own. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export class Service {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: string,
    readonly output: readonly string[],
  ) {}

  /** @throws if it ends before it is ready, with what it said. */
  static async start(app: 'projector' | 'query-api', environment: Readonly<Record<string, string>>): Promise<Service> {
    const { child, output } = launch(app, environment);
    const port = await new Promise<number | null>((tell) => {
      child.on('message', (message: { type: string; port: number }) => message.type === 'ready' && tell(message.port));
      child.once('close', () => tell(null));
    });
    if (port === null) throw new Error(output.join(''));
    return new Service(child, `http://127.0.0.1:${port}`, output);
  }

  /** kill -9; resolves when the process is gone. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(signal);
    await ended;
  }
}

/** What a start that cannot be says on the terminal, and its exit code. */
export async function refusedStart(app: 'projector' | 'query-api', environment: Readonly<Record<string, string>>) {
  const { child, output } = launch(app, environment);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, said: output.join('') };
}

function launch(app: string, environment: Readonly<Record<string, string>>) {
  const main = fileURLToPath(new URL(`../../dist/apps/${app}/src/main.js`, import.meta.url));
  const env = { ...process.env, PORT: '0', LOG_LEVEL: 'warn', ...environment };
  const child = fork(main, [], { env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const output: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text) => output.push(String(text)));
  return { child, output };
}
