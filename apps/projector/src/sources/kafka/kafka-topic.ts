import { setTimeout as sleep } from 'node:timers/promises';
import { capturedTables, type Catalog } from '#libs/catalog';
import { formatLsn, type SourceEpoch } from '#libs/change-event';
import { decodeRecord, type Connector } from '#libs/debezium';
import type { ChunkLimits } from '#libs/postgres-replication';
import {
  refuseUncovered,
  SourceChanged,
  type ChangeSource,
  type LakePosition,
  type Receiver,
} from '../change-source.js';
import { SourceStopped } from '../postgres-slot.js';
import { readRecord } from './read-record.js';
import { RecordChanges } from './record-changes.js';
import { epochOf, snapshotOf, type SnapshotSource } from './snapshot-delivery.js';
import type { TopicOptions } from './topic-client.js';
import { TopicReader } from './topic-reader.js';
import { SnapshotScan, type FoundSnapshot } from './topic-scan.js';
import { TopicSession } from './topic-session.js';

export interface KafkaTopicOptions extends TopicOptions {
  /** Its tables are captured; what else the topic brings is ignored. */
  readonly catalog: Catalog;
  /** Where a new snapshot is asked for. */
  readonly connector: Pick<Connector, 'end' | 'begin'>;
  /** The size of a delivery's chunks. Default: 1000 changes or 1 MB. */
  readonly chunk?: ChunkLimits;
  /** Bytes that may wait for the receiver before no more is read. Default: 4 MB. */
  readonly buffered?: number;
}

const megabyte = 2 ** 20;
/** Milliseconds between two looks for a topic that is not there yet. */
const topicPause = 200;

/**
 * Committed changes from the one topic that Debezium's connector writes. Where to go on is the lake's to say: the offset
 * after the last END is in the lake's own commit.
 * @throws (start) SourceChanged, SourceStopped, and Kafka's own errors
 */
export class KafkaTopicSource implements ChangeSource {
  private stopping = new AbortController();
  private reader: TopicReader | null = null;
  private rows: RecordChanges | null = null;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly options: KafkaTopicOptions) {}

  /** Offset of the next record to be read; null while none is. */
  get consumed(): number | null {
    return this.streaming ? (this.reader?.position ?? null) : null;
  }

  /** Captured columns in which a rare value comes like another one without a sign, and which value. */
  get alike(): readonly string[] {
    return this.rows?.alike ?? [];
  }

  async start(from: LakePosition | null, receiver: Receiver, options?: { resnapshot?: boolean }): Promise<void> {
    this.stopping = new AbortController();
    const started = Promise.withResolvers<void>();
    this.running = this.run(options?.resnapshot ? null : from, receiver, {
      started: started.resolve,
      again: options?.resnapshot === true,
    }).then(
      () => {},
      (error: Error) => {
        const { signal } = this.stopping;
        started.reject(signal.aborted ? signal.reason : error);
        if (!signal.aborted) this.failed(error, receiver);
      },
    );
    await started.promise;
    this.streaming = true;
  }

  private streaming = false;

  private failed(error: Error, receiver: Receiver): void {
    if (this.streaming) receiver.failed(error);
  }

  /** The broker keeps what was read, for as long as the topic's retention says. */
  durable(): void {}

  async stop(): Promise<void> {
    this.streaming = false;
    this.stopping.abort(new SourceStopped());
    await this.running;
  }

  private async run(
    from: LakePosition | null,
    receiver: Receiver,
    { started, again }: { started: () => void; again: boolean },
  ): Promise<void> {
    const reader = new TopicReader(this.options);
    this.reader = reader;
    this.stopping.signal.addEventListener('abort', () => void reader.close(), { once: true });
    let session: TopicSession | null = null;
    let cause: Error = new SourceStopped();
    try {
      await reader.open();
      const changes = this.changes();
      this.rows = changes;
      const standing = from ? await this.resume(from, reader) : await this.snapshot(reader, changes, receiver, again);
      session = new TopicSession(standing.epoch, standing, {
        ...{ changes, receiver, chunk: { items: 1000, bytes: megabyte }, buffered: 4 * megabyte },
        ...this.options,
      });
      started();
      await session.stream(reader, this.stopping.signal);
    } catch (error) {
      cause = error as Error;
      throw error;
    } finally {
      await session?.close(cause);
      await reader.close();
    }
  }

  private changes(): RecordChanges {
    const { catalog } = this.options;
    return new RecordChanges(capturedTables(catalog), catalog.events?.table);
  }

  /** @throws SourceChanged if the topic is not the one that `from` stands in */
  private async resume(from: LakePosition, reader: TopicReader): Promise<LakePosition> {
    const { catalog, topic } = this.options;
    if (from.epoch.adapter !== 'kafka')
      throw new SourceChanged(
        'adapter-changed',
        `The lake was filled by the ${from.epoch.adapter} adapter, not from a topic.`,
      );
    refuseUncovered(from.epoch, capturedTables(catalog).keys());
    const bounds = await reader.bounds();
    if (!bounds) throw new SourceChanged('topic-missing', `Topic ${topic} does not exist.`);
    const next = from.sourceOffset ?? 0;
    if (next < bounds.low || next > bounds.high)
      throw new SourceChanged(
        'position-lost',
        `Topic ${topic} holds offsets ${bounds.low} to ${bounds.high}, and the lake goes on at ${next}.`,
      );
    await reader.start(Math.max(next - 1, bounds.low));
    if (next > bounds.low) await this.refuseOtherEnd(from, next - 1, reader);
    reader.seek(next);
    return from;
  }

  /** A topic made anew under the same name has something else where the lake's last transaction ended. */
  private async refuseOtherEnd({ commitLsn, epoch }: LakePosition, offset: number, reader: TopicReader): Promise<void> {
    const [last] = await reader.next(this.stopping.signal);
    const record = last!.offset === offset ? readRecord(this.options.topic, last!, decodeRecord) : null;
    const same = record !== null && 'lsn' in record && record.lsn === commitLsn;
    if (same || formatLsn(commitLsn) === epoch.consistent_point) return;
    throw new SourceChanged(
      'position-lost',
      `Topic ${this.options.topic} does not have the lake's last transaction, which ended at ${formatLsn(commitLsn)}, at offset ${offset}.`,
    );
  }

  private async snapshot(
    reader: TopicReader,
    changes: RecordChanges,
    receiver: Receiver,
    again: boolean,
  ): Promise<{ epoch: SourceEpoch; commitLsn: number }> {
    const { signal } = this.stopping;
    const begin = again ? await this.anew(reader) : (await this.untilThere(reader)).low;
    await reader.start(begin);
    const found = await this.scan(reader, new SnapshotScan(!again && begin > 0));
    changes.learn(found.server);
    const { topic, catalog } = this.options;
    const source: SnapshotSource = { reader, changes, topic, signal, tables: [...capturedTables(catalog).keys()] };
    const epoch = epochOf(found, source);
    await receiver.deliver(snapshotOf(found, epoch, source));
    reader.seek(found.to);
    return { epoch, commitLsn: found.lsn };
  }

  /** The offset from which on the new snapshot comes. */
  private async anew(reader: TopicReader): Promise<number> {
    await this.options.connector.end(this.stopping.signal);
    const bounds = await reader.bounds();
    await this.options.connector.begin();
    return bounds ? bounds.high : (await this.untilThere(reader)).low;
  }

  private async untilThere(reader: TopicReader): Promise<{ low: number }> {
    for (;;) {
      const bounds = await reader.bounds();
      if (bounds) return bounds;
      await sleep(topicPause, undefined, { signal: this.stopping.signal });
    }
  }

  private async scan(reader: TopicReader, scan: SnapshotScan): Promise<FoundSnapshot> {
    for (;;)
      for (const record of await reader.next(this.stopping.signal)) {
        const found = readRecord(this.options.topic, record, (one) => scan.take(one));
        if (found) return found;
      }
  }
}
