import type { Catalog } from '#libs/catalog';
import { Connector } from '#libs/debezium';
import type { Config } from '../config.js';
import type { ChangeSource } from './change-source.js';
import { connectorEpochs } from './kafka/connector-epochs.js';
import { KafkaTopicSource } from './kafka/kafka-topic.js';
import { PostgresSlotSource } from './postgres-slot.js';

/** The adapter that CHANGE_SOURCE names. */
export function configuredSource(config: Config, catalog: Catalog, interrupted: (error: Error) => void): ChangeSource {
  const { DATABASE_URL: databaseUrl, REPLICATION_SLOT: slot } = config;
  if (config.CHANGE_SOURCE === 'kafka')
    return new KafkaTopicSource({
      brokers: config.KAFKA_BROKERS.split(','),
      topic: config.KAFKA_TOPIC,
      group: config.KAFKA_GROUP,
      connector: connectorEpochs(new Connector(config.CONNECT_URL, config.CONNECTOR), { databaseUrl, slot }),
      catalog,
    });
  return new PostgresSlotSource({
    databaseUrl,
    slot,
    publication: config.PUBLICATION,
    catalog,
    interrupted,
  });
}
