import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { forgetOldKeys } from './event-store/idempotency.js';
import { PrismaClient } from './generated/prisma/client.js';

const HOUR = 3_600_000;

/** Forgets idempotency keys once they are a day old: at the start, and every hour. */
@Injectable()
export class IdempotencyRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger(IdempotencyRetention.name);
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly database: PrismaClient) {}

  onApplicationBootstrap(): void {
    const run = () => (this.running = this.running.then(() => this.forget()));
    this.timer = setInterval(run, HOUR);
    void run();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  /** Whatever stays is forgotten an hour later. */
  private async forget(): Promise<void> {
    try {
      await forgetOldKeys(this.database);
    } catch {
      this.log.warn('Old idempotency keys could not be deleted; another try follows in an hour.');
    }
  }
}
