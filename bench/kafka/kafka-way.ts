/** The way through Debezium and Kafka, with its own processes measured and the topic watched. */
import { readFileSync } from 'node:fs';
import { commandLine } from '#libs/running-process';
import { MeasuredProduct } from '../measuring/measured-product.js';
import type { Groups } from '../measuring/process-usage.js';
import { measureDebeziumAlone, type Alone } from './debezium-alone.js';
import { coming, TopicWatch, type Sample } from './topic-watch.js';
import { measureWay, type Load, type Way } from './way.js';

export interface KafkaPorts {
  readonly broker: number;
  readonly controller: number;
  readonly connect: number;
}

export interface KafkaWay extends Way {
  /** Of the saturated run: seconds until the topic held all of it. */
  readonly inTopic: number;
  /** Records in the topic that the lake did not hold yet, from the first change to the last that came into the topic. */
  readonly lags: readonly number[];
  /** The same load, after that, while nobody reads the topic. */
  readonly alone: Alone;
}

export const topic = 'migsbyu';
/** Of the load's changes: they come to a steady rate soon. */
const shareAlone = 0.3;
export async function measureKafkaWay(product: MeasuredProduct, ports: KafkaPorts, load: Load): Promise<KafkaWay> {
  const begin = () => TopicWatch.begin(`127.0.0.1:${ports.broker}`, topic, product.lake);
  let samples: readonly Sample[] = [];
  const watched = async <T>(work: () => Promise<T>): Promise<T> => {
    const watch = await begin();
    try {
      return await work();
    } finally {
      samples = await watch.end();
    }
  };
  const way = await measureWay(product, load, { others: javaProcesses(product.pid), watched });
  const { students, changes } = load;
  const alone = await measureDebeziumAlone(product, begin, {
    first: students + changes,
    changes: changes * shareAlone,
  });
  const all = coming(samples, way.saturated.changes);
  return { ...way, inTopic: all.at(-1)!.at - all[0]!.at, lags: all.map(({ lag }) => lag), alone };
}

/** Broker and Connect, started by `parent`. */
function javaProcesses(parent: number): Groups {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').map(Number);
  const running = (main: string) => children.find((pid) => commandLine(pid)?.includes(main));
  const [broker, connect] = [running('kafka.Kafka'), running('org.apache.kafka.connect.cli.ConnectDistributed')];
  if (!broker || !connect) throw new Error('Neither broker nor Connect may be missing among the processes.');
  return { broker: { pid: broker }, Connect: { pid: connect } };
}
