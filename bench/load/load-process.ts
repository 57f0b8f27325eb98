/** Load comes from a process of its own, so that neither the product nor who measures it waits for it. */
import { fork, type ChildProcess } from 'node:child_process';

type Message<Result> = { type: 'begun' } | { type: 'result'; result: Result };

export class LoadProcess<Result> {
  /** Its warm-up is over. */
  readonly begun: Promise<void>;
  readonly result: Promise<Result>;
  private readonly child: ChildProcess;

  /** `program` calls `serveLoad`. */
  constructor(program: URL, options: object) {
    this.child = fork(program, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const begun = Promise.withResolvers<void>();
    const result = Promise.withResolvers<Result>();
    this.child.on('message', (message: Message<Result>) => {
      if (message.type === 'begun') begun.resolve();
      else result.resolve(message.result);
    });
    this.child.once('exit', (code) => {
      const error = new Error(`The load ended by itself (${code}); it says why above.`);
      begun.reject(error);
      result.reject(error);
    });
    [this.begun, this.result] = [begun.promise, result.promise];
    for (const promise of [this.begun, this.result]) promise.catch(() => {}); // who waits for one of them is told
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The result comes soon; the process stays. */
  stop(): void {
    this.child.send({ type: 'stop' });
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

/** The other side. `signal`: whoever asked wants the result now. */
export async function serveLoad<Options, Result>(
  run: (options: Options, begun: () => void, signal: AbortSignal) => Promise<Result>,
): Promise<void> {
  const stopping = new AbortController();
  process.on('message', () => stopping.abort());
  process.on('disconnect', () => process.exit()); // nobody wants it any more
  const options = JSON.parse(process.argv[2]!) as Options;
  const result = await run(options, () => process.send!({ type: 'begun' }), stopping.signal);
  process.send!({ type: 'result', result }); // whoever asked ends this process: it may still want its figures
}
