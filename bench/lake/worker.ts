/** A process with memory of its own, asked one thing at a time. */
import { fork, type ChildProcess } from 'node:child_process';

type Answer = { readonly value: unknown } | { readonly error: string };

export interface Memory {
  /** Megabytes resident: now, and at most so far. */
  readonly megabytes: number;
  readonly peak: number;
}

/** What is asked for by name: a program serves these. Arguments and answers pass as JSON. */
type Questions = Readonly<Record<string, (argument: never) => Promise<unknown>>>;

export class Worker<Asked extends Questions> {
  private readonly child: ChildProcess;

  /** `program` calls `serve`. */
  constructor(program: URL, options: object) {
    this.child = fork(program, [JSON.stringify(options)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  ask<Name extends keyof Asked & string>(
    name: Name,
    argument: Parameters<Asked[Name]>[0],
  ): Promise<Awaited<ReturnType<Asked[Name]>>> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null) =>
        reject(new Error(`The process asked for ${name} ended by itself (${code}).`));
      this.child.once('exit', ended);
      this.child.once('message', (answer: Answer) => {
        this.child.off('exit', ended);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer.value as Awaited<ReturnType<Asked[Name]>>);
      });
      this.child.send({ name, argument });
    });
  }

  /** Resolves when it has ended. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** The other side. */
export async function serve<Options>(questions: (options: Options) => Promise<Questions>): Promise<void> {
  process.on('disconnect', () => process.exit()); // nobody asks any more
  const answers = await questions(JSON.parse(process.argv[2]!) as Options);
  process.on('message', ({ name, argument }: { name: string; argument: never }) => {
    answers[name]!(argument).then(
      (value) => process.send!({ value }),
      (error: Error) => process.send!({ error: error.stack ?? error.message }),
    );
  });
}

export const memory = (): Memory => ({
  megabytes: process.memoryUsage.rss() / 2 ** 20,
  peak: process.resourceUsage().maxRSS / 1024,
});
