/** The whole product as `npm start` runs it, on ports and data of its own, and what a benchmark asks of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Product, type Service } from '../../e2e/product.js';
import { UsageMeter, type Groups } from './process-usage.js';

export class TooSlow extends Error {
  readonly code = 'too-slow';
  constructor(what: string, seconds: number) {
    super(`${what} took more than ${seconds} s.`);
    this.name = 'TooSlow';
  }
}

export class MeasuredProduct {
  private constructor(private readonly product: Product) {}

  /** Starts one for `work`, and leaves nothing of it behind, also when it is told to end. */
  static async run(
    work: (product: MeasuredProduct) => Promise<void>,
    environment: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const product = await Product.start(environment);
    const interrupted = () => void product.discard().finally(() => process.exit(130));
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted);
    try {
      await work(new MeasuredProduct(product));
    } finally {
      for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupted);
      await product.discard();
    }
  }

  get dataDir(): string {
    return this.product.dataDir;
  }

  /** Of the process that started the others. */
  get pid(): number {
    return this.product.run.child.pid!;
  }

  get lake(): string {
    return join(this.dataDir, 'lake');
  }

  get databaseUrl(): string {
    const port = readFileSync(join(this.dataDir, 'postgres', 'postmaster.pid'), 'utf8')
      .split('\n')[3]!
      .trim();
    return `postgresql://migsbyu:migsbyu@127.0.0.1:${port}/migsbyu`;
  }

  /** The service's own address, not the way through the origin. */
  url(service: Service): string {
    const line = this.product.run.lines.findLast((said) => said.startsWith(`${service} is up: process `));
    return `http://127.0.0.1:${/port (\d+)/.exec(line!)![1]}`;
  }

  /** All of it; its data stay until `run` ends. */
  async stop(): Promise<void> {
    await this.product.stop();
  }

  /** What goes on while these services stand still: they are not over, and cost nothing. */
  async without<T>(services: readonly Service[], work: () => Promise<T>): Promise<T> {
    const pids = services.map((service) => this.product.run.pidOf(service));
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    try {
      return await work();
    } finally {
      for (const pid of pids) process.kill(pid, 'SIGCONT');
    }
  }

  meter(others: Groups = {}): UsageMeter {
    const { run } = this.product;
    return new UsageMeter({
      'command-api': { pid: run.pidOf('command-api') },
      'query-api': { pid: run.pidOf('query-api') },
      projector: { pid: run.pidOf('projector') },
      standalone: { pid: this.pid },
      Postgres: { pid: run.postgresPid()!, family: true },
      ...others,
    });
  }

  /** The last position that answers show. */
  async position(): Promise<number> {
    const answer = await fetch(`${this.url('query-api')}/v1/freshness`);
    return ((await answer.json()) as { position: number }).position;
  }

  /** @throws TooSlow */
  async untilPosition(position: number, seconds: number): Promise<void> {
    const deadline = performance.now() + seconds * 1000;
    while ((await this.position()) < position) {
      if (performance.now() > deadline) throw new TooSlow(`Showing position ${position}`, seconds);
      await sleep(20);
    }
  }

  /** Resolves with the position when nothing has come for a while. @throws TooSlow */
  async quiet(seconds = 60): Promise<number> {
    const deadline = performance.now() + seconds * 1000;
    for (let position = await this.position(); ;) {
      await sleep(400);
      const next = await this.position();
      if (next === position) return position;
      if (performance.now() > deadline) throw new TooSlow('Coming to rest', seconds);
      position = next;
    }
  }
}
