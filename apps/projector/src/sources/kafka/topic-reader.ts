/**
 * The topic's one partition as batches of records, in order and without a gap, from any offset.
 *
 * Where to go on stands in the lake, not in the consumer group: nothing is committed there. After a rebalance or a lost
 * session Kafka sends from wherever it thinks right, so each batch is held against the offset that is expected: what was
 * had is skipped, and what is gone for good (the topic was cleaned past it, or made anew) is an error, never a gap.
 */
import { Kafka, logLevel, type Admin, type Consumer, type EachBatchPayload } from 'kafkajs';
import type { TopicRecord } from '#libs/debezium';
import { SourceChanged } from '../change-source.js';

export interface TopicOptions {
  /** Addresses, each `host:port`. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Readers of one group take turns: one reads, the others stand by. */
  readonly group: string;
}

interface Hand {
  readonly records: readonly TopicRecord[];
  readonly taken: () => void;
}

/**
 * Milliseconds. A projector that was killed keeps its place in the group until its session ends: so long its successor
 * waits. The broker allows no less (group.min.session.timeout.ms).
 */
const [sessionTimeout, heartbeatInterval] = [6_000, 1_500];
/** Milliseconds that the broker waits for a record to come. */
const longestFetch = 100;
const [shortestRetry, longestRetry] = [100, 5_000];

export class TopicReader {
  private readonly admin: Admin;
  private readonly consumer: Consumer;
  private expected = 0;
  private hand: Hand | null = null;
  private failure: Error | null = null;
  private wake: () => void = () => {};

  constructor(private readonly options: TopicOptions) {
    const kafka = new Kafka({
      ...{ clientId: options.group, brokers: [...options.brokers], logLevel: logLevel.NOTHING },
      retry: { initialRetryTime: shortestRetry, maxRetryTime: longestRetry, retries: Number.MAX_SAFE_INTEGER },
    });
    this.admin = kafka.admin();
    this.consumer = kafka.consumer({
      ...{ groupId: options.group, sessionTimeout, heartbeatInterval },
      ...{ maxWaitTimeInMs: longestFetch, maxBytesPerPartition: 8 << 20 },
      allowAutoTopicCreation: false,
    });
  }

  async open(): Promise<void> {
    await this.admin.connect();
  }

  /** Offsets of the first record that is still there and of the next one to come; null while there is no topic. */
  async bounds(): Promise<{ low: number; high: number } | null> {
    const { topic } = this.options;
    if (!(await this.admin.listTopics()).includes(topic)) return null;
    const partitions = await this.admin.fetchTopicOffsets(topic);
    if (partitions.length !== 1)
      throw new Error(`Topic ${topic} has ${partitions.length} partitions; wanted is one, which keeps the order.`);
    return { low: Number(partitions[0]!.low), high: Number(partitions[0]!.high) };
  }

  /** Reads from `offset` on: what `next` brings begins there. */
  async start(offset: number): Promise<void> {
    const { topic } = this.options;
    this.expected = offset;
    await this.consumer.connect();
    await this.consumer.subscribe({ topics: [topic], fromBeginning: true });
    this.consumer.on(this.consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) this.fail(payload.error);
    });
    await this.consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (batch) => this.take(batch) });
    this.consumer.seek({ topic, partition: 0, offset: String(offset) });
  }

  /** What comes next begins at `offset`. */
  seek(offset: number): void {
    this.release();
    this.expected = offset;
    this.consumer.seek({ topic: this.options.topic, partition: 0, offset: String(offset) });
  }

  /** Resolves with the next records; those of the call before are done with. @throws SourceChanged, the signal's reason */
  async next(signal: AbortSignal): Promise<readonly TopicRecord[]> {
    this.release();
    const stopped = () => this.wake();
    signal.addEventListener('abort', stopped, { once: true });
    try {
      for (;;) {
        signal.throwIfAborted();
        if (this.failure) throw this.failure;
        if (this.hand) return (this.hand as Hand).records;
        await new Promise<void>((resolve) => (this.wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', stopped);
    }
  }

  async close(): Promise<void> {
    this.fail(new Error('The reader is closed.'));
    this.release();
    await this.consumer.disconnect();
    await this.admin.disconnect();
  }

  private async take({ batch, heartbeat, resolveOffset, isStale, isRunning }: EachBatchPayload): Promise<void> {
    if (isStale() || !isRunning() || this.failure) return;
    const records = batch.messages.filter(({ offset }) => Number(offset) >= this.expected).map(recordOf);
    if (records.length === 0) return this.again(batch.messages.at(-1)?.offset);
    if (records[0]!.offset > this.expected && !(await this.isThere(this.expected))) return;
    const alive = setInterval(() => void heartbeat().catch(() => {}), heartbeatInterval);
    await new Promise<void>((taken) => {
      this.hand = { records, taken };
      this.wake();
    });
    clearInterval(alive);
    if (!isStale()) resolveOffset(batch.lastOffset());
  }

  /** All of the batch was had before: on from where this reader stands, which the group does not know. */
  private again(last: string | undefined): void {
    if (last === undefined) return; // nothing but markers of the producer's transactions
    this.consumer.seek({ topic: this.options.topic, partition: 0, offset: String(this.expected) });
  }

  /** Offsets without a record are usual where producers use transactions; offsets that are gone are not. */
  private async isThere(offset: number): Promise<boolean> {
    const bounds = await this.bounds();
    if (bounds && bounds.low <= offset) return true;
    this.fail(
      new SourceChanged(
        'position-lost',
        `Topic ${this.options.topic} begins at offset ${bounds?.low ?? 0}, the lake goes on at ${offset}: what lies between is gone.`,
      ),
    );
    return false;
  }

  private release(): void {
    const { hand } = this;
    if (!hand) return;
    this.hand = null;
    const last = hand.records.at(-1)!.offset;
    if (last >= this.expected) this.expected = last + 1;
    hand.taken();
  }

  private fail(error: Error): void {
    this.failure ??= error;
    this.wake();
  }
}

const recordOf = ({ offset, key, value }: EachBatchPayload['batch']['messages'][number]): TopicRecord => ({
  offset: Number(offset),
  key: key?.toString('utf8') ?? '',
  value: value?.toString('utf8') ?? null,
});
