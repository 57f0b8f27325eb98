/** The way through Debezium and Kafka, with its own processes measured and the topic watched. */
import { readFileSync } from 'node:fs';
import { commandLine } from '#libs/running-process';
import { MeasuredProduct } from '../measuring/measured-product.js';
import type { Groups } from '../measuring/process-usage.js';
import { rowsPerTransaction } from '../measuring/saturation.js';
import { TopicWatch, type Sample } from './topic-watch.js';
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
}

export const topic = 'migsbyu';
/** BEGIN and END. */
const marks = 2;

export async function measureKafkaWay(product: MeasuredProduct, ports: KafkaPorts, load: Load): Promise<KafkaWay> {
  let samples: readonly Sample[] = [];
  const watched = async <T>(work: () => Promise<T>): Promise<T> => {
    const watch = await TopicWatch.begin(`127.0.0.1:${ports.broker}`, topic, product.lake);
    try {
      return await work();
    } finally {
      samples = await watch.end();
    }
  };
  const way = await measureWay(product, load, { others: javaProcesses(product.pid), watched });
  const { changes } = way.saturated;
  const whole = samples[0]!.end + changes + marks * (changes / rowsPerTransaction);
  const complete = samples.findIndex(({ end }) => end >= whole);
  if (complete < 0) throw new Error(`The topic has fewer records than ${changes} changes make.`);
  const coming = samples.slice(
    samples.findLastIndex(({ end }) => end <= samples[0]!.end + marks),
    complete + 1,
  );
  return { ...way, inTopic: coming.at(-1)!.at - coming[0]!.at, lags: coming.map(({ lag }) => lag) };
}

/** Broker and Connect, started by `parent`. */
function javaProcesses(parent: number): Groups {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').map(Number);
  const running = (main: string) => children.find((pid) => commandLine(pid)?.includes(main));
  const [broker, connect] = [running('kafka.Kafka'), running('org.apache.kafka.connect.cli.ConnectDistributed')];
  if (!broker || !connect) throw new Error('Neither broker nor Connect may be missing among the processes.');
  return { broker: { pid: broker }, Connect: { pid: connect } };
}
