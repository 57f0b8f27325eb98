import { join } from 'node:path';
import { startJava, type JavaProcess } from './java-process.js';
import type { KafkaFiles } from './start-broker.js';

export interface ConnectOptions extends KafkaFiles {
  /** Of its REST interface. */
  readonly port: number;
  readonly brokers: string;
  /** What deploy/debezium/connector.json takes from the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ConnectWorker extends JavaProcess {
  /** Of its REST interface. */
  readonly url: string;
}

/** A worker of Kafka Connect that has the Debezium connector, and as yet none of it running. @throws JavaDidNotStart */
export async function startConnect(options: ConnectOptions): Promise<ConnectWorker> {
  const { deploy, folder, port, brokers, environment } = options;
  const url = `http://127.0.0.1:${port}`;
  const worker = await startJava(
    {
      ...{ ...options, logFile: join(folder, 'connect.log') },
      main: 'org.apache.kafka.connect.cli.ConnectDistributed',
      logSettings: join(deploy, 'kafka/log4j2.properties'),
      arguments: [join(deploy, 'debezium/connect.properties')],
      environment: { ...environment, KAFKA_BROKERS: brokers, CONNECT_LISTENERS: url },
    },
    () => answers(`${url}/connectors`),
  );
  return { ...worker, url };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok;
  } catch {
    return false;
  }
}
