import { Connector } from '#libs/debezium';
import type { Config } from '../config.js';
import { SlotInspection } from './inspect-slot.js';
import { TopicInspection } from './inspect-topic.js';
import type { Observations, TopicState } from './source-report.js';

/** Milliseconds for an answer. */
const patience = 5_000;

export type WatchedConfig = Pick<
  Config,
  'CHANGE_SOURCE' | 'DATABASE_URL' | 'REPLICATION_SLOT' | 'KAFKA_BROKERS' | 'KAFKA_TOPIC' | 'CONNECT_URL' | 'CONNECTOR'
>;

/** Asks everything on the way at once; what does not answer is an observation as well. */
export class Inspection {
  private readonly slot: SlotInspection;
  private readonly topic: TopicInspection;
  private readonly connector: Connector;

  constructor(
    private readonly config: WatchedConfig,
    private readonly source: Pick<TopicState, 'consumed' | 'alike'> | null,
  ) {
    this.slot = new SlotInspection(config.DATABASE_URL, config.REPLICATION_SLOT);
    this.topic = new TopicInspection(config.KAFKA_BROKERS.split(','), config.KAFKA_TOPIC);
    this.connector = new Connector(config.CONNECT_URL, config.CONNECTOR);
  }

  async look(): Promise<Observations> {
    const slot = answered(this.slot.look());
    if (this.config.CHANGE_SOURCE !== 'kafka') return { slot: await slot };
    const topic = answered(this.lookAtTopic());
    const connector = answered(this.lookAtConnector());
    return { slot: await slot, topic: await topic, connector: await connector };
  }

  async close(): Promise<void> {
    await Promise.all([this.slot.close(), this.topic.close()]);
  }

  /** Consumed is read first: the end is never before it, but by records that came meanwhile. */
  private async lookAtTopic() {
    const { consumed = null, alike = [] } = this.source ?? {};
    return { topic: this.config.KAFKA_TOPIC, consumed, alike, end: await this.topic.end() };
  }

  private async lookAtConnector() {
    return { connector: this.connector.name, status: await this.connector.status() };
  }
}

async function answered<T>(work: Promise<T>): Promise<T | Error> {
  const late = Promise.withResolvers<Error>();
  const timer = setTimeout(() => late.resolve(new Error(`no answer within ${patience} ms`)), patience);
  try {
    return await Promise.race([work.catch((error: Error) => error), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
