/** `npm start -- --kafka`: the production path, Debezium and Kafka, on this machine and without Docker. */
import { kafkaJars, startBroker, startConnect } from '#libs/embedded-kafka';
import type { StandaloneConfig } from '../config.js';
import { lockDataFolder } from '../data-folder-lock.js';
import { KeptProcess } from '../kept-process.js';
import { given } from '../ports.js';
import { slots } from '../slots.js';
import { applyConnector, cache, deploy, environmentOf, pom } from './capture.js';
import { assertDown, kafkaFolder } from './stack-notes.js';

interface Listener {
  /** Called with the id of each process that is started. */
  started(pid: number): void;
  say(line: string): void;
  /** To be stopped by the caller, in the opposite order. */
  part(part: { stop(): Promise<void>; kill(): void }): void;
}

const topic = 'migsbyu';

/** Returns the projector's environment. @throws KafkaIsUp, DataFolderLocked, KafkaUnavailable, JavaDidNotStart, ConnectFailed */
export async function startKafka(
  config: StandaloneConfig,
  databaseUrl: string,
  listener: Listener,
): Promise<Record<string, string>> {
  const folder = kafkaFolder(config.DATA_DIR);
  const lock = await lockDataFolder(folder);
  listener.part({ stop: () => lock.release(), kill: () => {} });
  assertDown(folder);
  listener.say('Starting Kafka, Connect and Debezium …');
  const jars = await kafkaJars(pom, cache);
  const files = { jars, deploy, folder };
  const ports = { port: await given(config.KAFKA_PORT), controllerPort: await given(config.KAFKA_CONTROLLER_PORT) };
  const broker = await KeptProcess.start('Kafka', () => startBroker({ ...files, ...ports }), listener);
  listener.part(broker);
  const brokers = broker.current.address;
  const capture = { DATABASE_URL: databaseUrl, REPLICATION_SLOT: slots.kafka, PUBLICATION: topic, KAFKA_TOPIC: topic };
  const connect = { ...files, brokers, port: await given(config.CONNECT_PORT), environment: environmentOf(capture) };
  const worker = await KeptProcess.start('Kafka Connect', () => startConnect(connect), listener);
  listener.part(worker);
  await applyConnector(worker.current.url, topic);
  return {
    ...{ CHANGE_SOURCE: 'kafka', KAFKA_BROKERS: brokers, KAFKA_TOPIC: topic, REPLICATION_SLOT: slots.kafka },
    ...{ CONNECT_URL: worker.current.url, CONNECTOR: topic },
  };
}
