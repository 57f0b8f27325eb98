import { Kafka, logLevel, type Admin } from 'kafkajs';
import '../sources/kafka/idle-requests.js';

/** Milliseconds. A watch would rather hear of a broker that is away than wait for it. */
const [connectionTimeout, requestTimeout] = [2_000, 3_000];

/** Looks at a topic, on a connection of its own that is kept from look to look. */
export class TopicInspection {
  private admin: Admin | null = null;

  constructor(
    private readonly brokers: readonly string[],
    private readonly topic: string,
  ) {}

  /** Offset of the next record to come; null where there is no such topic. */
  async end(): Promise<number | null> {
    try {
      this.admin ??= await this.connected();
      if (!(await this.admin.listTopics()).includes(this.topic)) return null;
      const [partition] = await this.admin.fetchTopicOffsets(this.topic);
      return Number(partition!.high);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { admin } = this;
    this.admin = null;
    await admin?.disconnect().catch(() => {});
  }

  private async connected(): Promise<Admin> {
    const admin = new Kafka({
      ...{ clientId: 'source-watch', brokers: [...this.brokers], logLevel: logLevel.NOTHING },
      ...{ connectionTimeout, requestTimeout, retry: { retries: 1, initialRetryTime: 100 } },
    }).admin();
    await admin.connect();
    return admin;
  }
}
