/** A connector's very first snapshot, broken off by a kill -9 of Connect, and taken once more with the slot that is there. */
import { expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { connectorConfig, type KafkaStack } from '#libs/test-kafka';
import { emptyDatabase } from '#libs/test-postgres';
import { KafkaTopicSource } from '../kafka/kafka-topic.js';
import { CampusDatabase } from './campus-database.js';
import { campus } from './captured-tables.js';
import { countUp, replay } from './change-source.contract.js';
import { RecordingReceiver } from './recording-receiver.js';

const rows = 40_000;

export function firstSnapshotContract(running: () => KafkaStack): void {
  it('is refused by name where Connect was killed in it; a resnapshot loses and doubles nothing', async () => {
    const stack = running();
    const database = await CampusDatabase.open(await emptyDatabase());
    const { slot: name, url } = database;
    // the writer changes some of them, and makes others between these and the rest
    await database.run(`INSERT INTO buildings SELECT i, '0' FROM generate_series(1, 3000) AS i`);
    await database.run(`INSERT INTO buildings SELECT 1000000 + i, '0' FROM generate_series(1, ${rows}) AS i`);
    const admin = new Kafka({ brokers: [stack.broker.address], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const high = async () => {
      if (!(await admin.listTopics()).includes(name)) return 0;
      const [partition] = await admin.fetchTopicOffsets(name);
      return Number(partition!.high);
    };
    const connector = stack.connector(name);
    const source = new KafkaTopicSource({
      ...{ brokers: [stack.broker.address], topic: name, group: name, catalog: campus, connector },
    });
    const receiver = new RecordingReceiver();
    try {
      await connector.apply(connectorConfig(url, name, ['buildings', 'rooms', 'happenings']));
      const starting = source.start(null, receiver);
      starting.catch(() => {});
      while ((await high()) < 1000) await sleep(2);
      process.kill(stack.connect.pid, 'SIGKILL');
      await stack.connect.exited;
      const broken = await high();
      const writer = countUp(url, 1);
      await writer.writing;
      await stack.restartConnect();
      expect(broken).toBeLessThan(rows);
      await expect(starting).rejects.toMatchObject({ code: 'source-changed', change: 'snapshot-unfinished' });
      expect(receiver.transactions).toEqual([]);
      await source.stop();
      await source.start(null, receiver, { resnapshot: true });
      await writer.another();
      await writer.stop();
      await database.run(`INSERT INTO buildings VALUES (0, 'last')`);
      await receiver.until(() => receiver.transactions.at(-1)?.changes.at(-1)?.key === '["0"]');
      const found = await database.run('SELECT id::text, name, plan FROM buildings');
      const expected = new Map(found.map((row) => [JSON.stringify([row['id']]), row]));
      expect(replay(receiver.transactions).get('buildings')).toEqual(expected);
    } finally {
      await source.stop();
      await connector.remove();
      await admin.disconnect();
      await database.close();
    }
  });
}
