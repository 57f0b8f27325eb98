/**
 * Keeps a projection alive: opens the lake, lets the source go on from there, and after a failure begins anew, waits as a
 * standby, or parks until somebody asks for a resnapshot.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transaction } from '#libs/change-event';
import type { ProjectionEvents } from './projection-events.js';
import type { Projection } from './projection.js';
import type { TellProgress } from './operations/operation.js';
import { reactionTo, type Reaction } from './reaction.js';
import { ResnapshotRequests } from './resnapshot-requests.js';
import { SourceChanged } from './sources/change-source.js';
import type { ChangeTransport } from './transport/change-transport.js';

export type State = 'opening' | 'streaming' | 'stopped' | Reaction;

export interface ProjectorStatus {
  readonly state: State;
  /** The last failure, while it matters. */
  readonly error: Error | null;
  /** Why a table is not folded, until it is. */
  readonly foldError: Error | null;
}

export interface ProjectorOptions {
  readonly open: (events: ProjectionEvents) => Promise<Projection>;
  readonly events: Omit<ProjectionEvents, 'failed'>;
  readonly stateChanged: (status: ProjectorStatus) => void;
  /** The projection owns its source from here on. */
  readonly streaming?: (projection: Projection) => void;
  /** Whether a changed source is snapshotted anew without being asked. */
  readonly resnapshot: boolean;
  /** Resolves after as many milliseconds, or when the signal aborts. */
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

/** Milliseconds between attempts: doubling from the first to the second. */
const [shortestPause, longestPause] = [200, 10_000];

export class Projector {
  private projection: Projection | null = null;
  private current: Omit<ProjectorStatus, 'foldError'> = { state: 'opening', error: null };
  private readonly stopping = new AbortController();
  private waking = new AbortController();
  /** The source has changed, and is snapshotted anew without being asked. */
  private heals = false;
  private readonly resnapshots = new ResnapshotRequests();
  private pause = shortestPause;
  private finished: Promise<void> | null = null;

  constructor(
    private readonly transport: ChangeTransport,
    private readonly options: ProjectorOptions,
  ) {}

  get status(): ProjectorStatus {
    return { ...this.current, foldError: this.projection?.folding.failure ?? null };
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

  /**
   * Each life opens a new epoch of the source, until the lake has its snapshot: resolves then, with its last position. When
   * the signal aborts before, the source goes on where the lake stands, and this rejects once nothing of the snapshot can
   * come any more.
   */
  resnapshot(signal?: AbortSignal, progress?: TellProgress): Promise<number> {
    const snapshotted = this.resnapshots.add(signal, progress);
    signal?.addEventListener('abort', () => this.waking.abort(), { once: true });
    this.waking.abort();
    return snapshotted;
  }

  async accept(transaction: Transaction): Promise<void> {
    if (!this.projection) throw new Error('The projection is closed.');
    await this.projection.accept(transaction.header.opens ? this.resnapshots.watched(transaction) : transaction);
  }

  private async run(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      this.waking = new AbortController();
      this.resnapshots.dropCancelled();
      const error = await this.live();
      if (!error) continue;
      const reaction = reactionTo(error);
      const heals = error instanceof SourceChanged && this.options.resnapshot;
      this.heals ||= heals;
      await this.wait(heals ? 'retry' : reaction, error);
    }
    this.resnapshots.dropCancelled();
  }

  /** From opening to the first failure, or until somebody wants something else (null). */
  private async live(): Promise<Error | null> {
    this.enter('opening', this.current.error);
    const ended = Promise.withResolvers<Error | null>();
    this.waking.signal.addEventListener('abort', () => ended.resolve(null), { once: true });
    try {
      this.projection = await this.options.open(this.eventsOf(ended.resolve));
      const error = await this.stream(this.projection, ended).catch((failure: Error) => failure);
      return await this.unlessReplaced(error, this.projection);
    } catch (error) {
      return error as Error;
    } finally {
      await this.end();
    }
  }

  /** Does not insist on a start: one may wait for ever, for a server, a lock or a fold, until the source is stopped. */
  private async stream(projection: Projection, ended: PromiseWithResolvers<Error | null>): Promise<Error | null> {
    if (this.waking.signal.aborted) return null;
    const starting = this.transport.start(
      projection.appender.lakePosition,
      {
        ...{ progress: (progress) => projection.progress(progress), failed: ended.resolve },
        claim: () => projection.claim(),
      },
      { resnapshot: this.heals || this.resnapshots.wanted },
    );
    const early = await Promise.race([starting.then(() => undefined), ended.promise]);
    if (early !== undefined) return early;
    this.enter('streaming');
    this.options.streaming?.(projection);
    return ended.promise;
  }

  /**
   * A source that was moved on without this lake has lost something, unless its owner of a moment ago moved it on for this
   * lake after it was opened here: then an opening anew finds all of it. A write of this one's own that did not come to its
   * end looks the same, and costs an opening more.
   */
  private async unlessReplaced(error: Error | null, projection: Projection): Promise<Error | null> {
    if (error instanceof SourceChanged) await projection.refuseReplaced();
    return error;
  }

  private eventsOf(failed: (error: Error) => void): ProjectionEvents {
    return {
      ...this.options.events,
      failed,
      appended: (appended) => {
        this.pause = shortestPause;
        if (appended.snapshot) this.hasSnapshot(appended.tip.position);
        this.transport.durable(appended.tip.commitLsn);
        this.options.events.appended(appended);
      },
    };
  }

  /** Not before it is in the lake: one that was taken in may yet be lost. */
  private hasSnapshot(position: number): void {
    this.heals = false;
    this.resnapshots.fulfil(position);
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
    const milliseconds = reaction === 'park' ? 2 ** 31 - 1 : this.pause;
    this.pause = Math.min(this.pause * 2, longestPause);
    await (this.options.sleep ?? interruptibleSleep)(milliseconds, this.waking.signal);
  }

  private enter(state: State, error: Error | null = null): void {
    this.current = { state, error };
    this.options.stateChanged(this.status);
  }
}

const interruptibleSleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  sleep(milliseconds, undefined, { signal }).catch(() => {});
