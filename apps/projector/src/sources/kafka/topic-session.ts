/** From the topic to the receiver: records become transactions, in order, no more of them in memory than is allowed. */
import type { SourceEpoch } from '#libs/change-event';
import {
  decodeRecord,
  messagePrefix,
  readMessage,
  type DebeziumRecord,
  type SourceMessage,
  type TextRecord,
  type TopicRecord,
} from '#libs/debezium';
import { BackPressure, type ChunkLimits } from '#libs/postgres-replication';
import { SourceChanged, type LakePosition, type Receiver } from '../change-source.js';
import { DeliveryQueue } from '../delivery-queue.js';
import { readRecord } from './read-record.js';
import type { RecordChanges } from './record-changes.js';
import { RecordAssembler } from './record-assembler.js';
import type { TopicReader } from './topic-reader.js';

export interface SessionOptions {
  readonly changes: RecordChanges;
  readonly receiver: Receiver;
  readonly topic: string;
  readonly chunk: ChunkLimits;
  /** Bytes that may wait for the receiver before no more is read. */
  readonly buffered: number;
}

interface Decoded {
  readonly record: DebeziumRecord;
  readonly one: TopicRecord;
}

export class TopicSession {
  private readonly queue: DeliveryQueue;
  private readonly assembler: RecordAssembler;
  private readonly failing = new AbortController();
  private paused = false;
  private wake: () => void = () => {};
  /** Since a row with a column of unknown type: the next message tells it. */
  private held: Decoded[] | null = null;

  constructor(
    private readonly epoch: SourceEpoch,
    { commitLsn }: Pick<LakePosition, 'commitLsn'>,
    private readonly options: SessionOptions,
  ) {
    const { changes, receiver, chunk, buffered } = options;
    this.queue = new DeliveryQueue((transaction) => receiver.deliver(transaction), {
      accepted: () => {},
      refused: (error) => this.failing.abort(error),
    });
    const socket = {
      pause: () => (this.paused = true),
      resume: () => {
        this.paused = false;
        this.wake();
      },
    };
    this.assembler = new RecordAssembler(
      changes,
      {
        limits: chunk,
        pressure: new BackPressure(socket, buffered),
        handOut: (transaction) => this.queue.push(transaction),
      },
      commitLsn,
    );
    this.queue.open();
  }

  /** Until it fails. @throws SourceChanged, UnreadableRecord, the receiver's error, the signal's reason */
  async stream(reader: TopicReader, signal: AbortSignal): Promise<never> {
    const over = AbortSignal.any([signal, this.failing.signal]);
    over.addEventListener('abort', () => this.wake(), { once: true });
    for (;;) {
      for (const record of await reader.next(over)) {
        readRecord(this.options.topic, record, (one) => this.take(one));
        while (this.paused) {
          over.throwIfAborted();
          await new Promise<void>((resolve) => (this.wake = resolve));
        }
      }
    }
  }

  async close(cause: Error): Promise<void> {
    this.assembler.cut(cause);
    await this.queue.close(cause);
  }

  private take(one: TopicRecord): void {
    const record = this.held ? decodeRecord(one) : this.options.changes.read(one);
    if (record.type === 'message' && record.prefix === messagePrefix)
      this.hear(readMessage(record.content), record.lsn);
    else if (record.type === 'texts') this.assemble(record, one);
    else if (this.held) this.held.push({ record, one });
    else if (record.type === 'row' && this.options.changes.isCaptured(record) && !this.options.changes.knows(record))
      this.held = [{ record, one }];
    else this.assemble(record, one);
  }

  private hear(message: SourceMessage, lsn: number): void {
    refuseOther(message, this.epoch);
    this.options.changes.learn(message);
    const { held } = this;
    this.held = null;
    for (const { record, one } of held ?? []) readRecord(this.options.topic, one, () => this.assemble(record, one));
    this.queue.push(() => this.announce(lsn, message.time));
  }

  private assemble(record: DebeziumRecord | TextRecord, { offset, value }: TopicRecord): void {
    this.assembler.take(record, offset, value?.length ?? 0);
  }

  private announce(lsn: number, sourceTime: bigint): void {
    const kept = this.options.receiver.progress({ lsn, sourceTime });
    kept?.catch((error: Error) => this.failing.abort(error));
  }
}

/** @throws SourceChanged */
function refuseOther(server: SourceMessage, epoch: SourceEpoch): void {
  const { systemIdentifier, timeline, database, databaseOid } = server;
  if (systemIdentifier !== epoch.system_identifier)
    throw new SourceChanged(
      'system-replaced',
      `The database cluster is ${systemIdentifier}, the lake's source was ${epoch.system_identifier}.`,
    );
  if (timeline !== epoch.timeline)
    throw new SourceChanged(
      'timeline-changed',
      `The server is on timeline ${timeline}, the lake's source was on ${epoch.timeline}: it was promoted or restored.`,
    );
  if (database !== epoch.database || databaseOid !== epoch.identity.split('/')[0])
    throw new SourceChanged(
      'database-replaced',
      `Database ${database} (oid ${databaseOid}) is not the one that the lake was filled from (${epoch.identity}).`,
    );
}
