/**
 * Keeps a projection alive: opens the lake, lets the source go on from there, and after a failure begins anew, waits as a
 * standby, or parks until somebody asks for a resnapshot.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '#libs/change-event';
import type { ProjectionEvents } from './projection-events.js';
import type { Projection } from './projection.js';
import { reactionTo, type Reaction } from './reaction.js';
import type { ChangeTransport } from './transport/change-transport.js';

export type State = 'opening' | 'streaming' | 'stopped' | Reaction;

export interface ProjectorStatus {
  readonly state: State;
  /** The last failure, while it matters. */
  readonly error: Error | null;
  readonly foldError: Error | null;
}

export interface ProjectorOptions {
  readonly open: (events: ProjectionEvents) => Promise<Projection>;
  readonly events: Omit<ProjectionEvents, 'failed'>;
  readonly stateChanged: (status: ProjectorStatus) => void;
  /** Whether a changed source is snapshotted anew without being asked. */
  readonly resnapshot: boolean;
}

/** Milliseconds between attempts: doubling from the first to the second. */
const [shortestPause, longestPause] = [200, 10_000];

export class Projector {
  private projection: Projection | null = null;
  private current: ProjectorStatus = { state: 'opening', error: null, foldError: null };
  private readonly stopping = new AbortController();
  private waking = new AbortController();
  private resnapshot = false;
  private pause = shortestPause;
  private finished: Promise<void> | null = null;

  constructor(
    private readonly transport: ChangeTransport,
    private readonly options: ProjectorOptions,
  ) {}

  get status(): ProjectorStatus {
    return this.current;
  }

  /** null while no lake is open. */
  get running(): Projection | null {
    return this.projection;
  }

  /** Once: Nest runs an application's bootstrap hooks again for its microservice, and two lives would share one source. */
  start(): void {
    this.finished ??= this.run();
  }

  /** Takes no more from the source, brings what was accepted into the lake, and ends. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.waking.abort();
    await this.finished;
    this.enter('stopped');
  }

  /** The next life opens a new epoch of the source. */
  requestResnapshot(): void {
    this.resnapshot = true;
    this.waking.abort();
  }

  accept(transaction: Transaction): Promise<void> {
    if (!this.projection) throw new Error('The projection is closed.');
    return this.projection.accept(transaction);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.waking = new AbortController();
      const error = await this.live();
      if (!error) continue;
      const reaction = reactionTo(error);
      if (reaction === 'park' && this.options.resnapshot) this.resnapshot = true;
      else await this.wait(reaction, error);
    }
  }

  /** From opening to the first failure, or until somebody wants something else (null). */
  private async live(): Promise<Error | null> {
    this.enter('opening', this.current.error);
    const ended = Promise.withResolvers<Error | null>();
    this.waking.signal.addEventListener('abort', () => ended.resolve(null), { once: true });
    try {
      const projection = await this.options.open(this.eventsOf(ended.resolve));
      this.projection = projection;
      await this.transport.start(
        projection.appender.lakePosition,
        { progress: (progress) => projection.progress(progress), failed: ended.resolve },
        { resnapshot: this.resnapshot },
      );
      this.resnapshot = false;
      this.enter('streaming');
      return await ended.promise;
    } catch (error) {
      return error as Error;
    } finally {
      await this.end();
    }
  }

  private eventsOf(failed: (error: Error) => void): ProjectionEvents {
    return {
      ...this.options.events,
      failed,
      appended: (appended) => {
        this.pause = shortestPause;
        this.transport.durable(appended.tip.commitLsn);
        this.options.events.appended(appended);
      },
      folded: (folded) => {
        this.current = { ...this.current, foldError: null };
        this.options.events.folded(folded);
      },
      foldFailed: (error) => {
        this.current = { ...this.current, foldError: error };
        this.options.events.foldFailed(error);
      },
    };
  }

  /** Folding stops first: a delivery may be waiting for it, and the source stops only when its delivery has settled. */
  private async end(): Promise<void> {
    const { projection } = this;
    await projection?.folding.stop();
    await this.transport.stop();
    this.projection = null;
    await projection?.close();
  }

  private async wait(reaction: Reaction, error: Error): Promise<void> {
    this.enter(reaction, error);
    this.pause = Math.min(this.pause * 2, longestPause);
    const milliseconds = reaction === 'park' ? 2 ** 31 - 1 : this.pause;
    await sleep(milliseconds, undefined, { signal: this.waking.signal }).catch(() => {});
  }

  private enter(state: State, error: Error | null = null): void {
    this.current = { ...this.current, state, error };
    this.options.stateChanged(this.current);
  }
}
