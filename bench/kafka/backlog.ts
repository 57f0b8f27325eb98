/**
 * A projector that begins with an empty lake where the topic begins, alone with the broker: how long until the last
 * row is durable, and until all of them are folded.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { kafkaJars, startBroker } from '#libs/embedded-kafka';
import { TooSlow } from '../measuring/measured-product.js';
import { UsageMeter, type Usage } from '../measuring/process-usage.js';
import { sumOfLake } from '../measuring/source-and-lake.js';
import { topic, type KafkaPorts } from './kafka-way.js';
import { ServiceProcess } from './service-process.js';

export interface Backlog {
  /** Seconds from the projector's start. */
  readonly durable: number;
  readonly folded: number;
  readonly rows: number;
  readonly usage: Map<string, Usage>;
  /** Of the students that the lake shows, and how many. */
  readonly sum: string;
  readonly students: number;
}

interface Status {
  readonly state: string;
  readonly error: string | null;
  readonly position: number | null;
  readonly folded: number | null;
}

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const [interval, hopeless] = [50, 1000];

/** `dataDir`: of a product that was stopped. `position`: the topic's last row's. */
export async function measureBacklog(dataDir: string, ports: KafkaPorts, position: number): Promise<Backlog> {
  const deploy = join(repository, 'deploy');
  const broker = await startBroker({
    jars: await kafkaJars(join(deploy, 'kafka/pom.xml'), join(repository, '.cache')),
    ...{ deploy, folder: join(dataDir, 'kafka'), port: ports.broker, controllerPort: ports.controller },
  });
  const lake = { LAKE_URL: pathToFileURL(join(dataDir, 'lake-of-backlog')).href };
  try {
    const reading = await read(position, broker.pid, {
      ...{ CHANGE_SOURCE: 'kafka', KAFKA_BROKERS: broker.address, KAFKA_TOPIC: topic, KAFKA_GROUP: 'backlog' },
      ...{ ...lake, SPOOL_FOLDER: join(dataDir, 'spool-of-backlog') },
    });
    const reader = await ServiceProcess.start('query-api', lake);
    try {
      while (((await ask(`${reader.url}/v1/freshness`)) as Status).position! < position) await sleep(interval);
      const { sum, rows: students } = await sumOfLake(reader.url);
      return { ...reading, rows: position, sum, students };
    } finally {
      await reader.stop();
    }
  } finally {
    await broker.stop();
  }
}

async function read(position: number, broker: number, environment: Readonly<Record<string, string>>) {
  const started = performance.now();
  const projector = await ServiceProcess.start('projector', environment);
  try {
    const meter = new UsageMeter({ broker: { pid: broker }, projector: { pid: projector.pid } });
    const reached = async (far: (status: Status) => number | null) => {
      for (;;) {
        const status = (await ask(`${projector.url}/v1/status`)) as Status;
        if ((far(status) ?? 0) >= position) return (performance.now() - started) / 1000;
        if (status.state !== 'streaming' && status.error) throw new Error(`The projector: ${status.error}`);
        if (performance.now() - started > 60_000 + position) throw new TooSlow('The backlog', 60 + position / hopeless);
        await sleep(interval);
      }
    };
    const durable = await reached((status) => status.position);
    const asked = await fetch(`${projector.url}/v1/folds?wait=true`, { method: 'POST' });
    if (!asked.ok) throw new Error(`A fold was answered with ${await asked.text()}`);
    const folded = await reached((status) => status.folded);
    return { durable, folded, usage: meter.stop() };
  } finally {
    await projector.stop();
  }
}

const ask = async (url: string): Promise<unknown> => (await fetch(url)).json();
