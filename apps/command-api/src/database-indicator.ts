import { Problem } from '#libs/problems';
import type { ReadinessIndicator } from '#libs/service';
import { Injectable } from '@nestjs/common';
import { PrismaClient } from './generated/prisma/client.js';

@Injectable()
export class DatabaseIndicator implements ReadinessIndicator {
  readonly name = 'database';

  constructor(private readonly database: PrismaClient) {}

  async check(): Promise<void> {
    try {
      await this.database.$queryRaw`SELECT 1`;
    } catch (cause) {
      throw new Problem('unavailable', 'The database cannot be reached.', { cause });
    }
  }
}
