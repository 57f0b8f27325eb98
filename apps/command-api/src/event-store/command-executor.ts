import type { PrismaClient } from '../generated/prisma/client.js';
import { Rejection } from '../rejection.js';
import type { CommandRequest, CommandResult } from './command.js';
import type { DomainEvent } from './decider.js';
import { Execution } from './execution.js';
import { StreamQueue } from './stream-queue.js';

/** A generated key meets one that exists this often only if the generator is broken. */
const MOST_KEYS = 10;

/** One a process, so that its commands queue by stream. */
export class CommandExecutor {
  private readonly queue = new StreamQueue();

  constructor(private readonly database: PrismaClient) {}

  /** @throws Rejection, Problem `unavailable`, RowOutOfStep, StatementFailed */
  async execute<State, Command extends { readonly type: string }, Event extends DomainEvent>(
    request: CommandRequest<State, Command, Event>,
  ): Promise<CommandResult<Event>> {
    const { key } = request;
    if (typeof key !== 'function') return this.inQueue(new Execution(this.database, request, key, false));
    for (let tries = 1; ; tries++) {
      try {
        return await this.inQueue(new Execution(this.database, request, key(), true));
      } catch (error) {
        const taken = error instanceof Rejection && error.code === 'already-exists';
        if (!taken || tries === MOST_KEYS) throw error;
      }
    }
  }

  private inQueue<Event>(execution: { stream: string; run(): Promise<CommandResult<Event>> }) {
    return this.queue.run(execution.stream, () => execution.run());
  }
}
