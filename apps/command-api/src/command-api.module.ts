import { Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { CommandBus, CqrsModule } from '@nestjs/cqrs';
import { randomStudent } from '#libs/university';
import type { CommandApiConfig } from './config.js';
import { DatabaseIndicator } from './database-indicator.js';
import { CommandExecutor } from './event-store/command-executor.js';
import { connect } from './event-store/connection.js';
import { PrismaClient } from './generated/prisma/client.js';
import { IdempotencyRetention } from './idempotency-retention.js';
import { SimulationClaims } from './simulations/simulation-claims.js';
import { SimulationRunner } from './simulations/simulation-runner.js';
import type { SimulatedCommands } from './simulations/simulation.js';
import { SimulationsController } from './simulations/simulations.controller.js';
import {
  ChangeStudentHandler,
  RegisterStudent,
  RegisterStudentHandler,
  RemoveStudentHandler,
} from './students/student-commands.js';
import { StudentsController } from './students/students.controller.js';
import { StudentsReader } from './students/students.reader.js';

const simulated: SimulatedCommands = {
  students: ({ seed, today }, index, context) =>
    new RegisterStudent(undefined, randomStudent(seed, index, today), context),
};

/** The composition root: every adapter is chosen here. */
@Module({
  imports: [CqrsModule.forRoot()],
  controllers: [StudentsController, SimulationsController],
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
    const simulations = (database: PrismaClient, bus: CommandBus) =>
      new SimulationRunner(database, new SimulationClaims(DATABASE_URL), bus, simulated);
    return {
      module: CommandApiModule,
      providers: [
        { provide: PrismaClient, useFactory: () => connect(DATABASE_URL, { connections: POOL_SIZE }) },
        { provide: SimulationRunner, useFactory: simulations, inject: [PrismaClient, CommandBus] },
      ],
    };
  }

  /** The last hook: by then no request is in flight. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.$disconnect();
  }
}
