import type { JavaProcess } from '#libs/embedded-kafka';
import { setTimeout as sleep } from 'node:timers/promises';

interface Surroundings {
  /** Called with the process's id at each start. */
  started(pid: number): void;
  say(line: string): void;
}

/** Milliseconds before it is started again. */
const pause = 1_000;

/** A process that is started again when it ends by itself, until it is stopped. */
export class KeptProcess<P extends JavaProcess> {
  private stopping = false;
  private restarting: Promise<void> = Promise.resolve();

  private constructor(
    private readonly name: string,
    private readonly begin: () => Promise<P>,
    private readonly surroundings: Surroundings,
    private process: P,
  ) {}

  /** @throws whatever `begin` does, the first time */
  static async start<P extends JavaProcess>(name: string, begin: () => Promise<P>, surroundings: Surroundings) {
    const kept = new KeptProcess(name, begin, surroundings, await begin());
    kept.watch();
    return kept;
  }

  /** As it was first started: where it is found does not change. */
  get current(): P {
    return this.process;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.restarting;
    await this.process.stop();
  }

  kill(): void {
    this.stopping = true;
    this.process.kill();
  }

  private watch(): void {
    this.surroundings.started(this.process.pid);
    void this.process.exited.then(() => {
      if (!this.stopping) this.restarting = this.again();
    });
  }

  private async again(): Promise<void> {
    const { say } = this.surroundings;
    while (!this.stopping) {
      say(`${this.name} ended; it starts again.`);
      await sleep(pause);
      try {
        this.process = await this.begin();
        return this.watch();
      } catch (error) {
        say((error as Error).message);
      }
    }
  }
}
