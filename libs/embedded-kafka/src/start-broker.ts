import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startJava, type JavaProcess } from './java-process.js';

export interface KafkaFiles {
  /** Where `kafkaJars` put them. */
  readonly jars: string;
  /** deploy/kafka and deploy/debezium. */
  readonly deploy: string;
  /** State and logs. */
  readonly folder: string;
  /** As java's -Xmx has it. */
  readonly heap?: string;
  /** Further options of java. */
  readonly options?: readonly string[];
  /** Told of the process before anything waits for it. */
  readonly spawned?: (pid: number) => void;
}

export interface BrokerOptions extends KafkaFiles {
  readonly port: number;
  readonly controllerPort: number;
}

export interface Broker extends JavaProcess {
  /** For KAFKA_BROKERS. */
  readonly address: string;
}

/** One broker (KRaft) on a folder, made at the first start, reachable from this machine alone. @throws JavaDidNotStart */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { deploy, folder, port, controllerPort } = options;
  const data = join(folder, 'kafka');
  await mkdir(folder, { recursive: true });
  if (!existsSync(join(data, 'meta.properties'))) await format(options, data);
  const broker = `PLAINTEXT://127.0.0.1:${port}`;
  const overrides = {
    'log.dirs': data,
    listeners: `${broker},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': broker,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
  };
  const process = await startJava(
    {
      ...{ ...options, main: 'kafka.Kafka', logFile: join(folder, 'kafka.log') },
      logSettings: join(deploy, 'kafka/log4j2.properties'),
      arguments: [
        join(deploy, 'kafka/broker.properties'),
        ...Object.entries(overrides).flatMap(([name, value]) => ['--override', `${name}=${value}`]),
      ],
    },
    () => isOpen(port),
  );
  return { ...process, address: `127.0.0.1:${port}` };
}

/** The formatter reads settings from a file alone, so its file is written here. */
async function format({ jars, deploy, controllerPort }: BrokerOptions, data: string): Promise<void> {
  const settings = await readFile(join(deploy, 'kafka/broker.properties'), 'utf8');
  const file = `${data}.format.properties`;
  const own = `log.dirs=${data}\ncontroller.quorum.voters=1@127.0.0.1:${controllerPort}\n`;
  const listeners = `listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:${controllerPort}\n`;
  await writeFile(file, `${settings}\n${own}${listeners}`);
  const tool = ['-cp', `${jars}/*`, '-XX:TieredStopAtLevel=1', 'kafka.tools.StorageTool'];
  await promisify(execFile)('java', [...tool, 'format', '-t', 'bWlnc2J5dS1lbWJlZGRlZA', '-c', file]);
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
