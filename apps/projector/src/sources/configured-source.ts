import type { Catalog } from '#libs/catalog';
import { Connector } from '#libs/debezium';
import type { Config } from '../config.js';
import type { ChangeSource } from './change-source.js';
import { KafkaTopicSource } from './kafka/kafka-topic.js';
import { PostgresSlotSource } from './postgres-slot.js';

/** The adapter that CHANGE_SOURCE names. */
export function configuredSource(config: Config, catalog: Catalog, interrupted: (error: Error) => void): ChangeSource {
  if (config.CHANGE_SOURCE === 'kafka')
    return new KafkaTopicSource({
      brokers: config.KAFKA_BROKERS.split(','),
      topic: config.KAFKA_TOPIC,
      group: config.KAFKA_GROUP,
      connector: new Connector(config.CONNECT_URL, config.CONNECTOR),
      catalog,
    });
  return new PostgresSlotSource({
    databaseUrl: config.DATABASE_URL,
    slot: config.REPLICATION_SLOT,
    publication: config.PUBLICATION,
    catalog,
    interrupted,
  });
}
