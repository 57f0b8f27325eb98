import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Catalog } from '#libs/catalog';
import { connectorConfig, kafkaCanRun, KafkaStack } from '#libs/test-kafka';
import { emptyDatabase } from '#libs/test-postgres';
import type { ChangeSource } from '../change-source.js';
import { CampusDatabase } from '../contract/campus-database.js';
import { campus } from '../contract/captured-tables.js';
import { changeSourceContract } from '../contract/change-source.contract.js';
import { firstSnapshotContract } from '../contract/first-snapshot.contract.js';
import { Museum, tellEveryType } from '../contract/every-type.contract.js';
import { watchContract } from '../contract/source-watch.contract.js';
import { topicReaderContract } from '../contract/topic-reader.contract.js';
import { KafkaTopicSource } from './kafka-topic.js';

// a connector is made and its snapshot taken for each test, by servers that share the machine with it
jest.setTimeout(120_000);

let stack: KafkaStack;

/** Debezium's snapshot reads by JDBC, which shows a date before our era as one in it: such a date is refused. */
const options = { lostBySnapshot: ['l'] as const };

async function open() {
  const database = await CampusDatabase.open(await emptyDatabase());
  const connector = stack.connector(database.slot);
  const config = connectorConfig(database.url, database.slot, ['buildings', 'rooms', 'happenings', 'unlisted']);
  let applied: Promise<unknown> | null = null;
  const source = (catalog: Catalog = campus): ChangeSource => {
    const topic = new KafkaTopicSource({
      ...{ brokers: [stack.broker.address], topic: database.slot, group: database.slot, catalog, connector },
    });
    return {
      start: async (from, receiver, options) => {
        await (applied ??= connector.apply(config)); // as an operator does before the first projector starts
        return topic.start(from, receiver, options);
      },
      durable: () => topic.durable(),
      stop: () => topic.stop(),
    };
  };
  return {
    ...{ databaseUrl: database.url, source },
    dispose: async () => {
      if (applied) await connector.remove();
      await database.close();
    },
  };
}

const describeWithKafka = kafkaCanRun() ? describe : describe.skip;

describeWithKafka('a topic as a change source', () => {
  beforeAll(async () => {
    stack = await KafkaStack.start();
  });
  afterAll(() => stack.stop());
  changeSourceContract('kafka', open, options);
  topicReaderContract(() => stack.broker.address);

  describe('kafka: every type', () => {
    let museum: Museum;
    beforeAll(async () => {
      museum = await Museum.open(stack);
    });
    afterAll(() => museum.close());

    it('has the texts that the slot gives, from the snapshot and from the log, or stops by the column’s name', async () => {
      await expect(tellEveryType(museum)).resolves.toBeUndefined();
    });
  });

  // last: these take the servers away
  describe('kafka: a first snapshot', () => {
    firstSnapshotContract(() => stack);
  });
  describe('kafka: the watch', () => {
    watchContract(() => stack);
  });
});
