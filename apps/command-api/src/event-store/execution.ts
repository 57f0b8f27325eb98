/**
 * One command: load the stream → replay a kept answer → decide → append; after a lost race again from the start.
 *
 * Exactly once: with an Idempotency-Key, because key and effect commit together; without one, because a command knows its
 * own events by its id when the connection broke while they were under way. A lost statement that still runs on the server
 * holds its (stream, version), so the next append waits for it.
 */
import { Problem } from '#libs/problems';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PrismaClient } from '../generated/prisma/client.js';
import { Rejection } from '../rejection.js';
import { append } from './append.js';
import type { CommandRequest, CommandResult } from './command.js';
import type { DomainEvent } from './decider.js';
import { keep, replay, tokenHeader } from './idempotency.js';
import { load, type LoadedStream } from './load.js';
import { ConnectionLost, LockTimeout } from './sql-error.js';
import type { EventMetadata } from './stream-events.js';
import { streamId } from './table.js';

/** Under contention of several processes dozens of tries happen; inside of one, commands of a stream queue. */
const MOST_TRIES = 60;
const PATIENT_AFTER = 3;
/** With growing pauses, in which the pool drops what else broke: after a restart of Postgres that is every connection. */
const MOST_CONNECTIONS = 5;

export class Execution<State, Command extends { readonly type: string }, Event extends DomainEvent> {
  readonly stream: string;
  private readonly commandId = randomUUID();
  /** What is true once the events that were last sent are recorded. */
  private sent: Omit<CommandResult<Event>, 'token'> | null = null;

  constructor(
    private readonly database: PrismaClient,
    private readonly request: CommandRequest<State, Command, Event>,
    private readonly key: readonly string[],
    /** The key was generated: that it exists is no answer, since another one will be tried. */
    private readonly isGenerated: boolean,
  ) {
    this.stream = streamId(request.aggregate.table, key);
  }

  async run(): Promise<CommandResult<Event>> {
    let connectionsLost = 0;
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      try {
        const result = await this.attempt();
        if (result) return result;
      } catch (error) {
        if (error instanceof LockTimeout) throw this.waitedTooLong();
        if (!(error instanceof ConnectionLost)) throw error;
        if (++connectionsLost === MOST_CONNECTIONS) throw unavailable(error);
        await sleep(25 * 2 ** connectionsLost);
      }
      if (tries > PATIENT_AFTER) await sleep(Math.random() * Math.min(tries, 20));
    }
    throw new Rejection('concurrent-change', `Others kept changing this ${MOST_TRIES} times in a row. Try again.`);
  }

  /** Null: somebody was faster. */
  private async attempt(): Promise<CommandResult<Event> | null> {
    const { context, aggregate, command } = this.request;
    const loaded = await load(this.database, this.stream, context.idempotency?.key);
    if (this.sent && loaded.events.some((event) => event.command_id === this.commandId))
      return { ...this.sent, token: loaded.token };
    if (loaded.kept && context.idempotency) {
      const answer = replay(loaded.kept, context.idempotency);
      return { answer, replayed: true, token: loaded.kept.token, events: [] };
    }
    const before = this.evolve(aggregate.initialState, loaded.events as unknown as readonly Event[]);
    try {
      const events = aggregate.decide(before, command);
      this.checkIfMatch(before, loaded.version);
      return events.length === 0 ? await this.tell(before, loaded) : await this.record(before, events, loaded);
    } catch (error) {
      if (!(error instanceof Rejection) || !error.isAnswer) throw error;
      return this.refuse(error, loaded);
    }
  }

  /** After the rules: RFC 9110 (13.2.1) wants conditions ignored where the answer would be no success anyway. */
  private checkIfMatch(state: State, version: number): void {
    const { context, aggregate } = this.request;
    if (context.ifMatch === undefined) return;
    const exists = aggregate.row(state) !== null;
    if (exists && (context.ifMatch === '*' || context.ifMatch.includes(version))) return;
    const present = exists ? `It is at version ${version}` : 'It does not exist';
    throw new Rejection('precondition-failed', `${present}, which is not what If-Match asks for.`);
  }

  private async record(before: State, events: readonly Event[], loaded: LoadedStream) {
    const { aggregate, context } = this.request;
    const after = this.evolve(before, events);
    const version = loaded.version + events.length;
    const answer = this.request.answer({ key: this.key, state: after, version, events });
    this.sent = { answer, replayed: false, events };
    const token = await append(this.database, {
      table: aggregate.table,
      key: this.key,
      expectedVersion: loaded.version,
      events,
      metadata: this.metadata(),
      row: { before: aggregate.row(before), after: aggregate.row(after) },
      ...(context.idempotency && { idempotency: { ...context.idempotency, answer: JSON.stringify(answer) } }),
    });
    return token && { ...this.sent, token };
  }

  /** An answer to a command that changed nothing. */
  private async tell(state: State, { version, token }: LoadedStream): Promise<CommandResult<Event> | null> {
    const answer = this.request.answer({ key: this.key, state, version, events: [] });
    const { idempotency } = this.request.context;
    if (idempotency && !(await keep(this.database, idempotency, answer, token))) return null;
    return { answer, replayed: false, token, events: [] };
  }

  private async refuse(rejection: Rejection, { token }: LoadedStream): Promise<null> {
    const { idempotency } = this.request.context;
    const another = this.isGenerated && rejection.code === 'already-exists';
    if (idempotency && !another && !(await keep(this.database, idempotency, rejection, token))) return null;
    throw new Rejection(rejection.code, rejection.detail, rejection.details, tokenHeader(token));
  }

  private evolve(state: State, events: readonly Event[]): State {
    return events.reduce((present, event) => this.request.aggregate.evolve(present, event), state);
  }

  private metadata(): EventMetadata {
    const { command, context } = this.request;
    return {
      actor: context.actor,
      command: command.type,
      command_id: this.commandId,
      correlation_id: context.correlationId,
      causation_id: context.causationId ?? null,
      traceparent: context.traceparent ?? null,
    };
  }

  /** An equal request, or a command of another process on the same stream: which of them held the lock is not told. */
  private waitedTooLong(): Rejection {
    return this.request.context.idempotency
      ? new Rejection('idempotency-key-in-use', 'A request with this Idempotency-Key is still at work. Repeat it.')
      : new Rejection('concurrent-change', 'Another command is at work on this. Try again.');
  }
}

const unavailable = (cause: ConnectionLost): Problem =>
  new Problem('unavailable', 'The database cannot be reached. Repeat the request with the same Idempotency-Key.', {
    retryAfter: 1,
    cause,
  });
