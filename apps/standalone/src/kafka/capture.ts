/** What the native Kafka captures and where its files are: for `npm start -- --kafka` and `npm run kafka:up` alike. */
import { capturedTables } from '#libs/catalog';
import { Connector, connectorConfig, type ConnectorConfig } from '#libs/debezium';
import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { dirname, join } from 'node:path';
import { catalog, type KafkaConfig } from '../config.js';

/** Wherever this file was built to, or if it was not. */
const repository = dirname(findPackageJSON(import.meta.url)!);

export const deploy = join(repository, 'deploy');
export const pom = join(deploy, 'kafka/pom.xml');
/** Where the jars are kept, for every data folder. */
export const cache = join(repository, '.cache');

export type Capture = Pick<KafkaConfig, 'DATABASE_URL' | 'REPLICATION_SLOT' | 'PUBLICATION' | 'KAFKA_TOPIC'>;

/** What deploy/debezium/connector.json asks of Connect's environment. */
export function environmentOf({ DATABASE_URL, ...names }: Capture): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(DATABASE_URL);
  return {
    ...{ DATABASE_HOST: hostname, DATABASE_PORT: port || '5432', DATABASE_NAME: decodeURIComponent(pathname.slice(1)) },
    ...{ DATABASE_USER: decodeURIComponent(username), DATABASE_PASSWORD: decodeURIComponent(password) },
    REPLICATION_SLOT: names.REPLICATION_SLOT,
    PUBLICATION: names.PUBLICATION,
    KAFKA_TOPIC: names.KAFKA_TOPIC,
  };
}

/** Registers it, or makes it as the files say now. @throws ConnectFailed */
export async function applyConnector(url: string, name: string): Promise<Connector> {
  const settings = JSON.parse(await readFile(join(deploy, 'debezium/connector.json'), 'utf8')) as ConnectorConfig;
  const connector = new Connector(url, name);
  await connector.apply(connectorConfig(settings, capturedTables(catalog).keys()));
  return connector;
}
