import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import type { CommandApiConfig } from './config.js';
import { DatabaseIndicator } from './database-indicator.js';
import { CommandExecutor } from './event-store/command-executor.js';
import { connect } from './event-store/connection.js';
import { PrismaClient } from './generated/prisma/client.js';
import { IdempotencyRetention } from './idempotency-retention.js';
import { ChangeStudentHandler, RegisterStudentHandler, RemoveStudentHandler } from './students/student-commands.js';
import { StudentsController } from './students/students.controller.js';
import { StudentsReader } from './students/students.reader.js';

/** The composition root: every adapter is chosen here. */
@Module({
  imports: [CqrsModule.forRoot()],
  controllers: [StudentsController],
  providers: [
    {
      provide: CommandExecutor,
      useFactory: (database: PrismaClient) => new CommandExecutor(database),
      inject: [PrismaClient],
    },
    DatabaseIndicator,
    IdempotencyRetention,
    StudentsReader,
    RegisterStudentHandler,
    ChangeStudentHandler,
    RemoveStudentHandler,
  ],
})
export class CommandApiModule implements OnApplicationShutdown {
  constructor(private readonly database: PrismaClient) {}

  static of({ DATABASE_URL, POOL_SIZE }: Pick<CommandApiConfig, 'DATABASE_URL' | 'POOL_SIZE'>): DynamicModule {
    const useFactory = () => connect(DATABASE_URL, { connections: POOL_SIZE });
    return { module: CommandApiModule, providers: [{ provide: PrismaClient, useFactory }] };
  }

  /** The last hook: by then no request is in flight. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.$disconnect();
  }
}
