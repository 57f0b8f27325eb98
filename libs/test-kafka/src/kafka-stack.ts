/** A broker and a worker of Kafka Connect for one test file, with the configuration that production runs on. */
import { Connector, connectorConfig as withTables, type ConnectorConfig } from '#libs/debezium';
import {
  kafkaJars,
  startBroker,
  startConnect,
  type Broker,
  type BrokerOptions,
  type ConnectWorker,
} from '#libs/embedded-kafka';
import { endTogether } from '#libs/test-watchdog';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const deploy = join(repository, 'deploy');

/** Compiled once, by the quick compiler: servers that live for a minute cost half the CPU. */
const jvm = { heap: '256m', options: ['-XX:TieredStopAtLevel=1'] };

export class KafkaStack {
  private constructor(
    private readonly folder: string,
    private readonly options: BrokerOptions & { readonly connectPort: number },
    public broker: Broker,
    public connect: ConnectWorker,
  ) {}

  static async start(): Promise<KafkaStack> {
    const jars = await kafkaJars(join(deploy, 'kafka/pom.xml'), join(repository, '.cache'));
    const folder = await mkdtemp(join(tmpdir(), 'test-kafka-'));
    endTogether(folder, 'SIGKILL');
    const [port, controllerPort, connectPort] = await freePorts(3);
    const options = { ...{ jars, deploy, folder, ...jvm }, port: port!, controllerPort: controllerPort! };
    const broker = await startBroker(options);
    const connect = await startConnect({ ...options, port: connectPort!, brokers: broker.address });
    return new KafkaStack(folder, { ...options, connectPort: connectPort! }, broker, connect);
  }

  /** Again, after it was killed. */
  async restartBroker(): Promise<void> {
    this.broker = await startBroker(this.options);
  }

  async restartConnect(): Promise<void> {
    this.connect = await startConnect({
      ...this.options,
      port: this.options.connectPort,
      brokers: this.broker.address,
    });
  }

  connector(name: string): Connector {
    return new Connector(this.connect.url, name);
  }

  /** At once: what they know goes with them. */
  async stop(): Promise<void> {
    for (const server of [this.connect, this.broker]) server.kill();
    await Promise.all([this.connect.exited, this.broker.exited]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The connector of deploy/debezium for a database of its own: topic, publication and, if not said, slot are named `name`. */
export function connectorConfig(
  databaseUrl: string,
  name: string,
  tables: readonly string[],
  slot = name,
): ConnectorConfig {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const values: Record<string, string> = {
    ...{ DATABASE_HOST: hostname, DATABASE_PORT: port, DATABASE_NAME: pathname.slice(1), KAFKA_TOPIC: name },
    ...{ DATABASE_USER: username, DATABASE_PASSWORD: decodeURIComponent(password) },
    ...{ REPLICATION_SLOT: slot, PUBLICATION: name },
  };
  const text = readFileSync(join(deploy, 'debezium/connector.json'), 'utf8');
  const given = text.replaceAll(/\$\{env:(\w+)\}/g, (_, variable: string) => values[variable]!);
  return {
    ...withTables(JSON.parse(given) as ConnectorConfig, tables),
    'heartbeat.interval.ms': '100', // tests wait for it
  };
}

/**
 * Not those that the system gives to outgoing connections (ip(7), ip_local_port_range: 32768 and above): while a server is
 * killed and not yet back, nobody else gets its port.
 */
async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = 10_240 + Math.floor(Math.random() * 22_000);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
