/**
 * One connected life of a slot: from the first message to the first failure. What was not accepted in it comes again in
 * the next.
 */
import type { SourceEpoch } from '#libs/change-event';
import { failpoint } from '#libs/failpoints';
import {
  BackPressure,
  connect,
  ConnectionLost,
  disconnect,
  identifyServer,
  PgoutputDecoder,
  ReplicationStream,
  untilReleased,
} from '#libs/postgres-replication';
import type pg from 'pg';
import type { Progress, Receiver } from './change-source.js';
import { DeliveryQueue } from './delivery-queue.js';
import { ProgressProbe } from './progress-probe.js';
import type { SignOfLife } from './sign-of-life.js';
import { checkEpoch } from './slot-epoch.js';
import type { SlotSettings } from './slot-options.js';
import type { SlotPositions } from './slot-positions.js';
import { TransactionAssembler } from './transaction-assembler.js';

export interface SessionContext {
  readonly settings: SlotSettings;
  readonly epoch: SourceEpoch;
  readonly positions: SlotPositions;
  readonly receiver: Receiver;
}

export interface SessionEnd {
  readonly error: Error;
  /** By the receiver, not by the source. */
  readonly refused: boolean;
}

/**
 * Resolves when the server streams to it and nothing is in doubt. `admin` is the session's from now on.
 * @throws SourceChanged, SlotInUse
 */
export async function openSession(
  admin: pg.Client,
  context: SessionContext,
  { signal, life }: { readonly signal: AbortSignal; readonly life: SignOfLife },
): Promise<SlotSession> {
  const { settings, positions } = context;
  const replication = await connect(settings, 'replication').catch(async (error: Error) => {
    await disconnect(admin); // it holds the lock
    throw error;
  });
  const session = new SlotSession(admin, replication, context);
  try {
    await replication.query(`SET wal_sender_timeout = ${settings.silence}`); // a status goes every second
    const server = await identifyServer(replication);
    const [{ pid }] = (await replication.query('SELECT pg_backend_pid() AS pid')).rows;
    const start = async () => {
      const slot = await checkEpoch(replication, server, settings.slot, context);
      positions.confirmed(slot.confirmed!);
      await session.start();
    };
    await life.during(() => untilReleased(settings.slot, { patience: settings.patience, signal }, start));
    // until it was ours the slot could be replaced; and both connections must be to one server
    const { activePid } = await checkEpoch(admin, server, settings.slot, context);
    if (activePid !== pid)
      throw new ConnectionLost(`Slot ${settings.slot} is not read by the process that was started.`);
    session.open();
    return session;
  } catch (error) {
    await session.close(error as Error);
    throw error;
  }
}

export class SlotSession {
  private readonly ending = Promise.withResolvers<SessionEnd>();
  private readonly queue: DeliveryQueue;
  private readonly probe: ProgressProbe;
  private readonly stream: ReplicationStream;
  private closing: Promise<void> | null = null;

  constructor(
    private readonly admin: pg.Client,
    replication: pg.Client,
    private readonly context: SessionContext,
  ) {
    const { settings, positions, receiver } = context;
    const { keys, chunk } = settings;
    const lost = (error: Error) => this.ending.resolve({ error, refused: false });
    this.queue = new DeliveryQueue((transaction) => receiver.deliver(transaction), {
      accepted: ({ commitLsn }) => positions.accept(commitLsn),
      refused: (error) => this.ending.resolve({ error, refused: true }),
    });
    this.probe = new ProgressProbe(admin, settings.probeInterval, {
      waiting: () => this.stream.askKeepalive(),
      reached: (progress) => this.queue.push(() => this.announce(progress)),
      lost,
    });
    const pressure = new BackPressure(replication.connection.stream, settings.buffered);
    const assembler = new TransactionAssembler(keys, chunk, pressure, (transaction) => this.queue.push(transaction));
    const decoder = new PgoutputDecoder((schema, table) => schema === 'public' && keys.has(table));
    this.stream = new ReplicationStream(replication, decoder, {
      message: (message, bytes) => assembler.take(message, bytes),
      caughtUp: () => this.probe.advance(this.stream.received),
    });
    void this.stream.failed.then(lost);
    // at once: a server that shuts down ends this connection first, and waits for the stream to be acknowledged or gone
    admin.once('end', () => lost(new ConnectionLost('The server ended the connection.')));
  }

  /** Resolves when the session has to be closed. */
  get ended(): Promise<SessionEnd> {
    return this.ending.promise;
  }

  async start(): Promise<void> {
    const { settings, positions } = this.context;
    await this.stream.start({
      slot: settings.slot,
      publication: settings.publication,
      after: positions.accepted,
      acknowledged: positions.acknowledged!,
    });
  }

  /** Delivers from now on. */
  open(): void {
    this.queue.open();
    this.probe.start();
  }

  acknowledge(): void {
    void failpoint('slot.before-feedback');
    this.stream.acknowledge(this.context.positions.acknowledged!);
  }

  /** Resolves when nothing is under way and the slot is released. */
  close(cause: Error): Promise<void> {
    this.closing ??= this.shut(cause);
    return this.closing;
  }

  private async shut(cause: Error): Promise<void> {
    this.ending.resolve({ error: cause, refused: false });
    this.probe.stop();
    // together: a server that shuts down waits for the stream to go, and must not wait for the receiver
    await Promise.all([this.queue.close(cause), this.stream.close()]);
    await disconnect(this.admin);
  }

  private announce(progress: Progress): void {
    const { positions, receiver } = this.context;
    const after = positions.accepted;
    // the log's end may stand behind a page's header, where no reader has come yet
    const reached = Math.min(progress.lsn, this.stream.received);
    const keep = () => {
      positions.keep(reached, after);
      this.acknowledge();
    };
    const kept = receiver.progress(progress);
    if (!kept) return keep();
    kept.then(keep, (error: Error) => this.ending.resolve({ error, refused: true }));
  }
}
