import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ConfigResourceTypes, Kafka, logLevel, type Admin, type Producer } from 'kafkajs';
import type { TopicRecord } from '#libs/debezium';
import { TopicReader } from '../kafka/topic-reader.js';

/** What a reader makes of a topic that is not what it was. Call it where a broker runs. */
export function topicReaderContract(broker: () => string): void {
  const never = new AbortController().signal;
  let topic: string;
  let admin: Admin;
  let producer: Producer;
  let readers: TopicReader[];

  beforeEach(async () => {
    const retry = { retries: 100, maxRetryTime: 500 };
    const kafka = new Kafka({ brokers: [broker()], logLevel: logLevel.NOTHING, retry });
    [admin, producer, readers, topic] = [kafka.admin(), kafka.producer(), [], `reader-${randomUUID()}`];
    await Promise.all([admin.connect(), producer.connect()]);
    await make();
  });
  afterEach(async () => {
    await Promise.all(readers.map((reader) => reader.close()));
    await admin.disconnect();
    await producer.disconnect();
  });

  const make = () => admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  const send = (...values: string[]) =>
    producer.send({ topic, acks: -1, messages: values.map((value) => ({ key: null, value })) });
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => String(from + i));
  async function opened(from = 0): Promise<TopicReader> {
    const reader = new TopicReader({ brokers: [broker()], topic, group: topic });
    readers.push(reader);
    await reader.open();
    await reader.start(from);
    return reader;
  }
  async function read(reader: TopicReader, last: number): Promise<string[]> {
    const records: TopicRecord[] = [];
    while ((records.at(-1)?.offset ?? -1) < last) records.push(...(await reader.next(never)));
    return records.map(({ value }) => value!);
  }
  /** The topic is gone; resolves when everybody knows. */
  async function remove(): Promise<void> {
    await admin.deleteTopics({ topics: [topic] });
    while ((await admin.listTopics()).includes(topic));
  }

  describe('a reader of a topic', () => {
    it('begins where it is told, and reads on', async () => {
      await send(...numbers(0, 10));
      const reader = await opened(4);
      expect(await read(reader, 9)).toEqual(numbers(4, 6));
      await send('more');
      expect(await read(reader, 10)).toEqual(['more']);
    });

    it('misses nothing and takes nothing twice where others join its group and leave it', async () => {
      const reader = await opened();
      const [over, taken] = [new AbortController(), [] as (string | null)[]];
      const reading = (async () => {
        for (;;) taken.push(...(await reader.next(over.signal)).map(({ value }) => value));
      })().catch(() => {});
      for (let i = 0; i < 3; i++) {
        await send(...numbers(i * 10, 5));
        const other = await opened(); // it may get the partition
        await send(...numbers(i * 10 + 5, 5));
        await other.close();
      }
      while (taken.length < 30) await new Promise((done) => setTimeout(done, 10));
      over.abort();
      await reading;
      expect(taken).toEqual(numbers(0, 30));
    });

    it('goes on where the group’s offsets are deleted or point elsewhere', async () => {
      await send(...numbers(0, 10));
      const reader = await opened(10);
      await send('a');
      expect(await read(reader, 10)).toEqual(['a']);
      await reader.close();
      await admin.setOffsets({ groupId: topic, topic, partitions: [{ partition: 0, offset: '3' }] });
      const again = await opened(11);
      await send('b');
      expect(await read(again, 11)).toEqual(['b']);
      await again.close();
      await admin.deleteGroups([topic]);
      const third = await opened(12);
      await send('c');
      expect(await read(third, 12)).toEqual(['c']);
    });

    it('stops by name where the topic is deleted', async () => {
      await send('a');
      const reader = await opened();
      expect(await read(reader, 0)).toEqual(['a']);
      await remove();
      await expect(reader.next(never)).rejects.toMatchObject({ change: 'topic-missing' });
    });

    it.each([
      ['shorter', 5],
      ['longer', 30],
    ])('stops by name where the topic is made anew, and is %s than what was read', async (_how, length) => {
      await send(...numbers(0, 20));
      const reader = await opened();
      expect(await read(reader, 19)).toEqual(numbers(0, 20));
      await remove();
      await make();
      await new Promise((done) => setTimeout(done, 600)); // between two fetches nobody could tell
      await send(...numbers(1000, length));
      await expect(reader.next(never)).rejects.toMatchObject({ change: 'position-lost' });
    });

    it('stops by name where the topic is compacted', async () => {
      const type = ConfigResourceTypes.TOPIC;
      const configEntries = [{ name: 'cleanup.policy', value: 'compact,delete' }];
      await admin.alterConfigs({ validateOnly: false, resources: [{ type, name: topic, configEntries }] });
      await expect(opened()).rejects.toMatchObject({ code: 'topic-compacted', policy: 'compact,delete' });
    });

    it('stops by name where records that it has not read are deleted', async () => {
      await send(...numbers(0, 5));
      const reader = await opened();
      expect(await read(reader, 4)).toEqual(numbers(0, 5));
      await reader.close();
      await send(...numbers(5, 5));
      await admin.fetchTopicOffsets(topic); // or it does not know the leader
      await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '7' }] });
      await expect((await opened(5)).next(never)).rejects.toMatchObject({ change: 'position-lost' });
    });
  });
}
