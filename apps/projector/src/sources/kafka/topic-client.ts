import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { Kafka, logLevel, type Admin, type Consumer } from 'kafkajs'; // Node does not see all of its names
import './idle-requests.js';
import { BreakableConnections } from './breakable-connections.js';

export interface TopicOptions {
  /** Addresses, each `host:port`. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Readers of one group take turns: one reads, the others stand by. */
  readonly group: string;
}

/** Offsets of the first record that is still there and of the next one to come. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export class ReaderClosed extends Error {
  readonly code = 'reader-closed';
  constructor() {
    super('The reader is closed.');
    this.name = 'ReaderClosed';
  }
}

/** Records may be gone, each without a sign: another one with its key came after it. */
export class TopicCompacted extends Error {
  readonly code = 'topic-compacted';
  constructor(
    readonly topic: string,
    readonly policy: string,
  ) {
    super(
      `Topic ${topic} has cleanup.policy=${policy}: Kafka drops each record that another one with its key follows. ` +
        'Set cleanup.policy=delete, then resnapshot.',
    );
    this.name = 'TopicCompacted';
  }
}

/**
 * Milliseconds. A projector that was killed keeps its place in the group until its session ends: so long its successor
 * waits. The broker allows no less (group.min.session.timeout.ms).
 */
const sessionTimeout = 6_000;
export const heartbeatInterval = 1_500;
/** Milliseconds that the broker waits for a record to come. */
const longestFetch = 100;
const [shortestRetry, longestRetry] = [100, 5_000];
/** Milliseconds to leave the group, which lets a successor in at once; a broker that is away does not hear it. */
const farewell = 1_000;

/** Kafka's client for one topic: it tries again for ever, until it is closed. */
export class TopicClient {
  readonly consumer: Consumer;
  private readonly admin: Admin;
  private readonly connections: BreakableConnections;
  private readonly closing = new AbortController();
  private closed: Promise<void> | null = null;

  constructor(private readonly options: TopicOptions) {
    this.connections = new BreakableConnections(options.brokers);
    const { brokers, socketFactory } = this.connections;
    const retry = { initialRetryTime: shortestRetry, maxRetryTime: longestRetry, retries: Number.MAX_SAFE_INTEGER };
    const kafka = new Kafka({
      ...{ clientId: options.group, brokers, socketFactory, logLevel: logLevel.NOTHING, retry },
    });
    this.admin = kafka.admin();
    this.consumer = kafka.consumer({
      ...{ groupId: options.group, sessionTimeout, heartbeatInterval },
      ...{ maxWaitTimeInMs: longestFetch, maxBytesPerPartition: 8 << 20 },
      allowAutoTopicCreation: false,
      retry: { ...retry, restartOnFailure: async () => !this.closing.signal.aborted },
    });
  }

  /** @throws ReaderClosed, TopicCompacted */
  async open(): Promise<void> {
    await this.unlessClosed(this.admin.connect());
    await this.bounds();
  }

  /** null while there is no topic. @throws ReaderClosed, TopicCompacted */
  bounds(): Promise<Bounds | null> {
    return this.unlessClosed(this.ask());
  }

  /** What is asked of the client waits for ever where nobody answers. @throws ReaderClosed */
  async unlessClosed<T>(asked: Promise<T>): Promise<T> {
    const { signal } = this.closing;
    const { promise: closed, reject } = Promise.withResolvers<never>();
    const close = () => reject(new ReaderClosed());
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    try {
      return await Promise.race([asked, closed]);
    } finally {
      signal.removeEventListener('abort', close);
    }
  }

  /** Resolves soon, also while no broker answers. */
  close(): Promise<void> {
    return (this.closed ??= this.leave());
  }

  private async leave(): Promise<void> {
    this.closing.abort();
    const left = Promise.all([this.consumer.disconnect(), this.admin.disconnect()]).catch(() => {});
    const waiting = new AbortController();
    await Promise.race([left, sleep(farewell, undefined, { signal: waiting.signal }).catch(() => {})]);
    waiting.abort();
    this.connections.breakOff();
  }

  private async ask(): Promise<Bounds | null> {
    const { topic } = this.options;
    if (!(await this.admin.listTopics()).includes(topic)) return null;
    await this.refuseCompaction();
    const partitions = await this.admin.fetchTopicOffsets(topic);
    if (partitions.length !== 1)
      throw new Error(`Topic ${topic} has ${partitions.length} partitions; wanted is one, which keeps the order.`);
    return { low: Number(partitions[0]!.low), high: Number(partitions[0]!.high) };
  }

  private async refuseCompaction(): Promise<void> {
    const { topic } = this.options;
    const configNames = ['cleanup.policy'];
    const { resources } = await this.admin.describeConfigs({
      ...{ includeSynonyms: false, resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configNames }] },
    });
    const policy = resources[0]?.configEntries[0]?.configValue ?? '';
    if (policy.includes('compact')) throw new TopicCompacted(topic, policy);
  }
}
