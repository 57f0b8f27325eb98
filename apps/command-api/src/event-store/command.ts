/** A command on its way: what a slice and the edge bring, and what comes back. */
import type { ConsistencyToken } from '#libs/consistency-token';
import type { Decider, DomainEvent } from './decider.js';
import type { Answer, IdempotencyKey } from './idempotency.js';
import type { Row, Table } from './table.js';

/** What a slice gives: its rules, and how a state looks as a row. */
export interface Aggregate<State, Command, Event extends DomainEvent> extends Decider<State, Command, Event> {
  readonly table: Table;
  /** The whole row without key and version, or null where the state is absent. */
  row(state: State): Row | null;
}

/** Who asks, why, and on what conditions. */
export interface CommandContext {
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  readonly idempotency?: IdempotencyKey;
  /** The versions that the client accepts (If-Match), or any version of something that exists (`*`). */
  readonly ifMatch?: readonly number[] | '*';
}

export interface CommandRequest<State, Command extends { readonly type: string }, Event extends DomainEvent> {
  readonly aggregate: Aggregate<State, Command, Event>;
  /** Parts of the stream's key, or a generator of them, which is asked again while what it gave exists already. */
  readonly key: readonly string[] | (() => readonly string[]);
  readonly command: Command;
  readonly context: CommandContext;
  /** The answer to what came of it; kept for repeated requests, so it depends on nothing else. */
  answer(outcome: Outcome<State, Event>): Answer;
}

export interface Outcome<State, Event> {
  readonly key: readonly string[];
  /** After the command. */
  readonly state: State;
  readonly version: number;
  /** Empty where the command changed nothing. */
  readonly events: readonly Event[];
}

export interface CommandResult<Event> {
  readonly answer: Answer;
  /** The answer is that of an earlier request with the same Idempotency-Key (`Idempotency-Replayed: true`). */
  readonly replayed: boolean;
  /** Of the stream's last change; null where the stream never had one. */
  readonly token: ConsistencyToken | null;
  /** What this execution recorded: to be published, after it is stored. */
  readonly events: readonly Event[];
}
