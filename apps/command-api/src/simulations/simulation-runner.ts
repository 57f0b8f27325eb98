import { Problem } from '#libs/problems';
import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import type { CommandBus } from '@nestjs/cqrs';
import { setTimeout as sleep } from 'node:timers/promises';
import { idempotencyKey } from '../event-store/idempotency.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { Rejection } from '../rejection.js';
import { PacedRun } from './paced-run.js';
import type { SimulationClaims } from './simulation-claims.js';
import { endSimulation, noteProgress, runningSimulations } from './simulation-store.js';
import type { SimulatedCommands, Simulation } from './simulation.js';

/** Milliseconds between looks for simulations that nobody runs. */
const LOOK_EVERY = 1000;
const NOTE_EVERY = 500;
/** Leaves connections for those who are waiting at the other end of a request. */
const AT_ONCE = 8;
const PATIENCE = 500;

/** Runs the simulations that no other process runs: new ones, and those that somebody left behind. */
export class SimulationRunner implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger(SimulationRunner.name);
  private readonly runs = new Map<string, { run: PacedRun; ended: Promise<void> }>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();
  private isStopping = false;

  constructor(
    private readonly database: PrismaClient,
    private readonly claims: SimulationClaims,
    private readonly bus: CommandBus,
    private readonly commands: SimulatedCommands,
  ) {
    claims.onLost = () => this.stopAll();
  }

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => this.look(), LOOK_EVERY);
    this.look();
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopping = true;
    clearInterval(this.timer);
    await this.looking;
    this.stopAll();
    await Promise.all([...this.runs.values()].map(({ ended }) => ended));
    await this.claims.close();
  }

  /** Looks for simulations to run; what it finds is running when it has returned once. */
  look(): void {
    this.looking = this.looking.then(async () => {
      try {
        for (const { id } of await runningSimulations(this.database)) await this.takeOver(id);
      } catch {
        // Postgres is away, which readiness tells; the next look follows
      }
    });
  }

  private stopAll(): void {
    for (const { run } of this.runs.values()) run.stop();
  }

  private async takeOver(id: string): Promise<void> {
    if (this.isStopping || this.runs.has(id) || !(await this.claims.take(id))) return;
    // read again: whoever had it until now may have gone further, or ended it
    const [simulation] = await runningSimulations(this.database, id);
    if (simulation && this.commands[simulation.kind]) this.start(simulation);
    else await this.claims.release(id);
  }

  private start(simulation: Simulation): void {
    const { id, done, total, rate } = simulation;
    const execute = (index: number, stopped: AbortSignal) => this.execute(simulation, index, stopped);
    const run = new PacedRun({ from: done, to: total, rate, atOnce: AT_ONCE, execute });
    const ended = this.conduct(id, total, run)
      .catch((error: Error) => this.log.warn(`Simulation ${id} stopped, and goes on later: ${error.message}`))
      .finally(() => this.runs.delete(id))
      .then(() => this.claims.release(id))
      .catch(() => {}); // the session broke, and the claim with it
    this.runs.set(id, { run, ended });
  }

  private async conduct(id: string, total: number, run: PacedRun): Promise<void> {
    let noting: Promise<void> = Promise.resolve();
    const note = async () => {
      const goesOn = await noteProgress(this.database, id, run.done, run.measuredRate).catch(() => true);
      if (!goesOn) run.stop();
    };
    const timer = setInterval(() => (noting = noting.then(note)), NOTE_EVERY);
    let failure: string | null = null;
    try {
      await run.run();
    } catch (error) {
      failure = (error as { code?: string }).code ?? 'internal';
      this.log.error(error);
    } finally {
      clearInterval(timer);
      await noting;
    }
    await noteProgress(this.database, id, run.done, run.measuredRate);
    if (failure !== null || run.done === total) await endSimulation(this.database, id, failure);
  }

  /** Until it is answered: a refusal by the rules is an answer, too. */
  private async execute(simulation: Simulation, index: number, stopped: AbortSignal): Promise<boolean> {
    const { id, actor, correlationId } = simulation;
    const url = `simulations/${id}`;
    // the same at every attempt by whatever process, so that each command has one effect
    const idempotency = idempotencyKey({ actor, method: 'SIMULATE', url, body: index }, String(index));
    const context = { actor, correlationId, causationId: url, idempotency };
    while (!stopped.aborted) {
      try {
        await this.bus.execute(this.commands[simulation.kind]!(simulation, index, context));
        return true;
      } catch (error) {
        if (error instanceof Rejection && error.isAnswer) return true;
        if (!isPassing(error)) throw error;
        await sleep(PATIENCE, undefined, { signal: stopped }).catch(() => {});
      }
    }
    return false;
  }
}

/** Contention, or a database that is away. */
const isPassing = (error: unknown): boolean =>
  error instanceof Problem && ['concurrent-change', 'idempotency-key-in-use', 'unavailable'].includes(error.code);
