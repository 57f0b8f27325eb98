/**
 * The topic's one partition as batches of records, in order and without a gap, from any offset.
 *
 * Where to go on stands in the lake, not in the consumer group: nothing is committed there. After a rebalance or a lost
 * session Kafka sends from wherever it thinks right, so each batch is held against the offset that is expected: what was
 * had is skipped, and what is gone for good (the topic was cleaned past it, or made anew) is an error, never a gap. A topic
 * that was made anew may have grown past that offset: so after Kafka sent from elsewhere the last record is read again, and
 * must be the one that was had.
 */
import type { Consumer, EachBatchPayload } from 'kafkajs';
import type { TopicRecord } from '#libs/debezium';
import { SourceChanged } from '../change-source.js';
import {
  heartbeatInterval,
  ReaderClosed,
  TopicClient,
  TopicCompacted,
  type Bounds,
  type TopicOptions,
} from './topic-client.js';

interface Hand {
  readonly records: readonly TopicRecord[];
  readonly taken: () => void;
}

/** Milliseconds between two fetches after which the last record is read again. */
const longestHold = 500;
/** Milliseconds without a record, where heartbeats come each second, until the topic is looked for: to a missing one Kafka's client says nothing. */
const silence = 3_000;

export class TopicReader {
  private readonly client: TopicClient;
  private readonly consumer: Consumer;
  private expected = 0;
  private hand: Hand | null = null;
  /** The last record that was had, if what comes next begins right behind it. */
  private last: TopicRecord | null = null;
  /** Whether it must be read again before anything else. */
  private doubted = false;
  private looking = false;
  private failure: Error | null = null;
  private wake: () => void = () => {};
  constructor(private readonly options: TopicOptions) {
    this.client = new TopicClient(options);
    this.consumer = this.client.consumer;
  }

  /** Offset of the next record that `next` will bring. */
  get position(): number {
    return this.expected;
  }

  /** @throws (as all that asks the broker) ReaderClosed */
  async open(): Promise<void> {
    await this.client.open();
  }

  /** Offsets of the first record that is still there and of the next one to come; null while there is no topic. */
  bounds(): Promise<Bounds | null> {
    return this.client.bounds();
  }

  /** Reads from `offset` on: what `next` brings begins there. */
  start(offset: number): Promise<void> {
    this.expected = offset;
    return this.client.unlessClosed(this.join(offset));
  }

  private async join(offset: number): Promise<void> {
    const { topic } = this.options;
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
    if (offset !== this.expected) this.last = null;
    this.doubted = false;
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
        await this.woken();
      }
    } finally {
      signal.removeEventListener('abort', stopped);
    }
  }

  /** Resolves soon, also while no broker answers. */
  async close(): Promise<void> {
    this.fail(new ReaderClosed());
    this.release();
    await this.client.close();
  }

  private async woken(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.wake = resolve;
    const timer = setTimeout(() => void this.lookForTopic(), silence);
    await promise;
    clearTimeout(timer);
  }

  private async take({ batch, heartbeat, resolveOffset, isStale, isRunning }: EachBatchPayload): Promise<void> {
    if (isStale() || !isRunning() || this.failure || this.isAnother(batch.messages)) return;
    const records = batch.messages.filter(({ offset }) => Number(offset) >= this.expected).map(recordOf);
    if (records.length === 0) {
      if (await this.isLast(batch.messages.at(-1)?.offset)) resolveOffset(batch.lastOffset());
      return;
    }
    if (records[0]!.offset > this.expected && !(await this.isThere(this.expected))) return;
    this.doubted = false;
    const alive = setInterval(() => void heartbeat().catch(() => {}), heartbeatInterval);
    const since = performance.now();
    await new Promise<void>((taken) => {
      this.hand = { records, taken };
      this.wake();
    });
    clearInterval(alive);
    if (isStale()) return;
    if (performance.now() - since < longestHold) resolveOffset(batch.lastOffset());
    else this.doubt(); // so long nobody would have noticed that the topic is another
  }

  /**
   * All of the batch was had before. Unless it ends with the very last one, on from where this reader stands, which the
   * group does not know.
   */
  private async isLast(offset: string | undefined): Promise<boolean> {
    if (offset === undefined) return false; // nothing but markers of the producer's transactions
    if (this.doubted && Number(offset) === this.last?.offset) return true;
    if (!(await this.isThere(this.expected))) return false;
    this.doubt();
    return false;
  }

  private doubt(): void {
    this.doubted = this.last !== null;
    const from = this.last?.offset ?? this.expected;
    this.consumer.seek({ topic: this.options.topic, partition: 0, offset: String(from) });
  }

  /** Whether another record stands where the last one was had. */
  private isAnother(messages: EachBatchPayload['batch']['messages']): boolean {
    const there = this.last && messages.find(({ offset }) => Number(offset) === this.last!.offset);
    if (!there || there.value?.toString('utf8') === (this.last!.value ?? undefined)) return false;
    this.lost(`has another record at offset ${this.last!.offset} than the one that was read there: it was made anew`);
    return true;
  }

  private async lookForTopic(): Promise<void> {
    if (this.looking || this.failure) return;
    this.looking = true;
    await this.isThere(this.expected).catch(() => {}); // of a broker that is away the consumer knows, too
    this.looking = false;
  }

  /** Offsets without a record are usual where producers use transactions; offsets that are gone are not. */
  private async isThere(offset: number): Promise<boolean> {
    const bounds = await this.bounds().catch((error: Error) => {
      if (error instanceof TopicCompacted) this.fail(error);
      throw error;
    });
    if (!bounds) this.fail(new SourceChanged('topic-missing', `Topic ${this.options.topic} does not exist any more.`));
    else if (bounds.low > offset || bounds.high < offset)
      this.lost(`holds offsets ${bounds.low} to ${bounds.high}, and the lake goes on at ${offset}`);
    return this.failure === null;
  }

  private lost(what: string): void {
    this.fail(new SourceChanged('position-lost', `Topic ${this.options.topic} ${what}.`));
  }

  private release(): void {
    const { hand } = this;
    if (!hand) return;
    this.hand = null;
    const last = hand.records.at(-1)!;
    if (last.offset >= this.expected) [this.last, this.expected] = [last, last.offset + 1];
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
