import type { Command } from '@nestjs/cqrs';
import type { CommandContext, CommandResult } from '../event-store/command.js';

/** An order to send `total` commands of one kind that are made up from a seed. */
export interface Simulation {
  readonly id: string;
  readonly kind: string;
  readonly total: number;
  readonly seed: number;
  /** Commands a second; null = as fast as they go. */
  readonly rate: number | null;
  /** The day that ages are reckoned from: that of the order, also for what is made later. */
  readonly today: string;
  readonly actor: string;
  readonly correlationId: string;
  /** Commands from the front that are known to be answered. */
  readonly done: number;
}

/** Makes the `index`th command of a simulation: always the same one. */
export type SimulatedCommand = (
  simulation: Pick<Simulation, 'seed' | 'today'>,
  index: number,
  context: CommandContext,
) => Command<CommandResult<unknown>>;

/** Kind → its commands. */
export type SimulatedCommands = Readonly<Record<string, SimulatedCommand>>;
