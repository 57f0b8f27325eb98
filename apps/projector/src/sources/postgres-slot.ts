import { setTimeout as sleep } from 'node:timers/promises';
import type { Lsn } from '#libs/change-event';
import { disconnect, isInterruption } from '#libs/postgres-replication';
import type pg from 'pg';
import { refuseUncovered, type ChangeSource, type LakePosition, type Receiver } from './change-source.js';
import { openAdmin, settingsOf, type PostgresSlotOptions, type SlotSettings } from './slot-options.js';
import { SlotPositions } from './slot-positions.js';
import { SignOfLife } from './sign-of-life.js';
import { openSession, type SessionContext, type SlotSession } from './slot-session.js';
import { takeSnapshot } from './slot-snapshot.js';

/** `stop` was called. */
export class SourceStopped extends Error {
  readonly code = 'source-stopped';
  constructor() {
    super('The source was stopped.');
    this.name = 'SourceStopped';
  }
}

/** Milliseconds between attempts to connect again: doubling from the first to the second. */
const [SHORTEST_PAUSE, LONGEST_PAUSE] = [100, 5000];

/**
 * Committed changes straight from a logical replication slot. Connects again by itself once it streams; until then
 * `start` fails with whatever goes wrong, and may be called again. One `start` at a time; after `stop` another may follow.
 * @throws (start) SourceChanged, SourceNotReady, SlotInUse, SourceStopped, and the connection's own errors
 */
export class PostgresSlotSource implements ChangeSource {
  private readonly settings: SlotSettings;
  private stopping = new AbortController();
  private context: SessionContext | null = null;
  private session: SlotSession | null = null;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: PostgresSlotOptions) {
    this.settings = settingsOf(options);
  }

  async start(from: LakePosition | null, receiver: Receiver, options?: { resnapshot?: boolean }): Promise<void> {
    this.stopping = new AbortController();
    [this.context, this.session] = [null, null];
    const started = this.begin(from, receiver, options?.resnapshot === true);
    this.running = started.catch(() => {});
    await started;
    this.running = this.keepStreaming(receiver);
  }

  durable(commitLsn: Lsn): void {
    this.context?.positions.durable(commitLsn);
    this.session?.acknowledge();
  }

  async stop(): Promise<void> {
    this.stopping.abort(new SourceStopped());
    await this.session?.close(new SourceStopped());
    await this.running;
    this.context = null;
  }

  private begin(from: LakePosition | null, receiver: Receiver, again: boolean): Promise<void> {
    return this.locked(async (admin, life) => {
      if (from && !again) this.context = this.resume(from, receiver);
      else await this.snapshot(admin, receiver, from, life);
      await this.openSession(admin, life);
    });
  }

  /** Does `work` with the lock on the slot, which is the connection's; that goes over to what `work` makes with it. */
  private async locked(work: (admin: pg.Client, life: SignOfLife) => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    const admin = await openAdmin(this.settings, signal);
    const life = new SignOfLife(admin, this.settings.probeInterval);
    try {
      await work(admin, life);
    } catch (error) {
      await disconnect(admin);
      throw signal.aborted ? signal.reason : error;
    }
  }

  private resume(from: LakePosition, receiver: Receiver): SessionContext {
    const { epoch, commitLsn } = from;
    refuseUncovered(epoch, this.settings.keys.keys());
    const positions = new SlotPositions({ accepted: commitLsn, durable: commitLsn, acknowledged: toldTo(from) });
    return { settings: this.settings, epoch, positions, receiver };
  }

  private async snapshot(
    admin: pg.Client,
    receiver: Receiver,
    from: LakePosition | null,
    life: SignOfLife,
  ): Promise<void> {
    await receiver.claim?.();
    const signal = AbortSignal.any([this.stopping.signal, life.lost]);
    const standing = from && { epoch: from.epoch, positions: { accepted: from.commitLsn, acknowledged: toldTo(from) } };
    const taken = await takeSnapshot(admin, this.settings, { signal, standing, life });
    const { epoch, consistentPoint, transaction, close, keepsSlot } = taken;
    const acknowledged = keepsSlot ? standing!.positions.acknowledged : consistentPoint;
    const positions = new SlotPositions({ accepted: consistentPoint, durable: 0, acknowledged });
    // before the delivery, since the snapshot may be durable as soon as that has been accepted
    this.context = { settings: this.settings, epoch, positions, receiver };
    const abort = () => void close();
    signal.addEventListener('abort', abort);
    try {
      signal.throwIfAborted();
      await life.during(() => receiver.deliver(transaction));
    } catch (error) {
      throw life.lost.aborted ? life.lost.reason : error;
    } finally {
      signal.removeEventListener('abort', abort);
      await close();
    }
  }

  private async openSession(admin: pg.Client, life: SignOfLife): Promise<void> {
    const { signal } = this.stopping;
    const session = await openSession(admin, this.context!, { signal, life });
    if (signal.aborted) await session.close(signal.reason);
    signal.throwIfAborted();
    this.session = session;
    session.acknowledge();
  }

  /** Until it is stopped or fails for good. */
  private async keepStreaming(receiver: Receiver): Promise<void> {
    const { signal } = this.stopping;
    try {
      while (!signal.aborted) {
        const { error, refused } = await this.session!.ended;
        await this.session!.close(error);
        this.session = null;
        if (signal.aborted) return;
        if (refused || !isInterruption(error)) throw error;
        this.options.interrupted?.(error);
        await this.reconnect();
      }
    } catch (error) {
      this.session = null;
      if (!signal.aborted) receiver.failed(error as Error);
    }
  }

  private async reconnect(): Promise<void> {
    const { signal } = this.stopping;
    for (let pause = SHORTEST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      await sleep(pause, undefined, { signal });
      try {
        return await this.locked((admin, life) => this.openSession(admin, life));
      } catch (error) {
        if (!isInterruption(error as Error)) throw error;
      }
    }
  }
}

/** Up to where the lake knows that a source may have been acknowledged; null: it does not know. */
const toldTo = ({ commitLsn, completeLsn }: LakePosition): Lsn | null =>
  completeLsn === undefined ? null : Math.max(commitLsn, completeLsn);
