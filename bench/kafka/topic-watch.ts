/** How far the topic is, and how far behind it the lake: offsets, a few times a second. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type Admin } from 'kafkajs';
import { appIds, changelog } from '#libs/lake';
import { TooSlow } from '../measuring/measured-product.js';
import { rowsPerTransaction } from '../measuring/saturation.js';
import '../../apps/projector/src/sources/kafka/idle-requests.js';

export interface Sample {
  /** Seconds since the watch began. */
  readonly at: number;
  /** The offset of the next record that comes. */
  readonly end: number;
  /** Records of the topic that the lake does not hold yet. */
  readonly lag: number;
}

const interval = 100;
/** BEGIN and END. */
const marks = 2;

const recordsOf = (changes: number): number => changes + marks * (changes / rowsPerTransaction);

/** From the last sample without any of so many changes to the first with all of them. */
export function coming(samples: readonly Sample[], changes: number): readonly Sample[] {
  const begin = samples[0]!.end;
  const complete = samples.findIndex(({ end }) => end >= begin + recordsOf(changes));
  if (complete < 0) throw new Error(`The topic has fewer records than ${changes} changes make.`);
  const first = samples.findLastIndex(({ end }) => end <= begin + marks);
  return samples.slice(first, complete + 1);
}

export class TopicWatch {
  private readonly samples: Sample[] = [];
  private readonly started = performance.now();
  private over = false;
  private readonly watching: Promise<void>;

  private constructor(
    private readonly admin: Admin,
    private readonly topic: string,
    private readonly lake: string,
  ) {
    this.watching = this.watch();
  }

  static async begin(brokers: string, topic: string, lake: string): Promise<TopicWatch> {
    const admin = new Kafka({ clientId: 'bench', brokers: [brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    return new TopicWatch(admin, topic, lake);
  }

  /** Resolves when the topic has so many changes more than at the beginning. @throws TooSlow */
  async until(changes: number, seconds: number): Promise<void> {
    const { samples } = this;
    while ((samples.at(-1)?.end ?? 0) < (samples[0]?.end ?? 0) + recordsOf(changes)) {
      if ((samples.at(-1)?.at ?? 0) > seconds) throw new TooSlow(`The topic with ${changes} changes`, seconds);
      await sleep(interval);
    }
  }

  async end(): Promise<readonly Sample[]> {
    this.over = true;
    await this.watching;
    await this.admin.disconnect();
    return this.samples;
  }

  private async watch(): Promise<void> {
    while (!this.over) {
      const [partition] = await this.admin.fetchTopicOffsets(this.topic);
      const end = Number(partition!.high);
      const lag = Math.max(0, end - offsetOf(this.lake)); // the lake is read a moment later than the topic
      this.samples.push({ at: (performance.now() - this.started) / 1000, end, lag });
      await sleep(interval);
    }
  }
}

/** Where the lake goes on. A commit that brings no rows, as a merge, does not say it. */
function offsetOf(lake: string): number {
  const log = join(lake, changelog.name, '_delta_log');
  const entries = readdirSync(log).filter((name) => /^\d{20}\.json$/.test(name));
  for (const entry of entries.sort().reverse())
    for (const line of readFileSync(join(log, entry), 'utf8').trim().split('\n')) {
      const { txn } = JSON.parse(line) as { txn?: { appId: string; version: number } };
      if (txn?.appId === appIds.sourceOffset) return txn.version;
    }
  return 0;
}
