/** `npm start -- --kafka`: the production path, Debezium and Kafka, on this machine and without Docker. */
import { capturedTables } from '#libs/catalog';
import { Connector, connectorConfig, type ConnectorConfig } from '#libs/debezium';
import { kafkaJars, startBroker, startConnect } from '#libs/embedded-kafka';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { catalog, type StandaloneConfig } from './config.js';
import { KeptProcess } from './kept-process.js';
import { slots } from './slots.js';

interface Listener {
  /** Called with the id of each process that is started. */
  started(pid: number): void;
  say(line: string): void;
  /** To be stopped by the caller, in the opposite order. */
  part(part: { stop(): Promise<void>; kill(): void }): void;
}

const repository = fileURLToPath(new URL('../../../../', import.meta.url));
const deploy = join(repository, 'deploy');
const topic = 'migsbyu';

/** Returns the projector's environment. @throws KafkaUnavailable, JavaDidNotStart, ConnectFailed */
export async function startKafka(
  config: StandaloneConfig,
  databaseUrl: string,
  listener: Listener,
): Promise<Record<string, string>> {
  listener.say('Starting Kafka, Connect and Debezium …');
  const jars = await kafkaJars(join(deploy, 'kafka/pom.xml'), join(repository, '.cache'));
  const files = { jars, deploy, folder: join(config.DATA_DIR, 'kafka') };
  const ports = { port: await given(config.KAFKA_PORT), controllerPort: await given(config.KAFKA_CONTROLLER_PORT) };
  const broker = await KeptProcess.start('Kafka', () => startBroker({ ...files, ...ports }), listener);
  listener.part(broker);
  const brokers = broker.current.address;
  const connect = {
    ...files,
    brokers,
    port: await given(config.CONNECT_PORT),
    environment: environmentOf(databaseUrl),
  };
  const worker = await KeptProcess.start('Kafka Connect', () => startConnect(connect), listener);
  listener.part(worker);
  await applyConnector(worker.current.url);
  return {
    ...{ CHANGE_SOURCE: 'kafka', KAFKA_BROKERS: brokers, KAFKA_TOPIC: topic },
    ...{ CONNECT_URL: worker.current.url, CONNECTOR: topic },
  };
}

async function applyConnector(url: string): Promise<void> {
  const settings = JSON.parse(await readFile(join(deploy, 'debezium/connector.json'), 'utf8')) as ConnectorConfig;
  await new Connector(url, topic).apply(connectorConfig(settings, capturedTables(catalog).keys()));
}

/** What the connector's settings ask for. */
function environmentOf(databaseUrl: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  return {
    ...{ DATABASE_HOST: hostname, DATABASE_PORT: port, DATABASE_NAME: decodeURIComponent(pathname.slice(1)) },
    ...{ DATABASE_USER: decodeURIComponent(username), DATABASE_PASSWORD: decodeURIComponent(password) },
    ...{ REPLICATION_SLOT: slots.kafka, PUBLICATION: 'migsbyu', KAFKA_TOPIC: topic },
  };
}

/** 0 takes a free one. */
async function given(port: number): Promise<number> {
  if (port !== 0) return port;
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const free = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return free;
}
