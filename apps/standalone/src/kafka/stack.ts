/**
 * Broker, Connect and connector that outlive the command that starts them. What runs is told by a file each, held
 * against the real process: whatever half of it a crash took, the next start brings back, and leaves the rest alone.
 */
import { endNoted, readNote, startBroker, startConnect, writeNote, type ProcessNote } from '#libs/embedded-kafka';
import type { Connector } from '#libs/debezium';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaConfig } from '../config.js';
import { assertFree, given } from '../ports.js';
import { applyConnector, deploy, environmentOf } from './capture.js';
import { brokerNote, connectNote, kafkaFolder } from './stack-notes.js';

/** It runs, and does not answer. */
export class KafkaDoesNotAnswer extends Error {
  readonly code = 'kafka-does-not-answer';
  constructor(
    readonly program: string,
    readonly pid: number,
    readonly address: string,
  ) {
    super(
      `${program} runs (process ${pid}), but ${address} does not answer. Start it anew: npm run kafka:down, kafka:up`,
    );
    this.name = 'KafkaDoesNotAnswer';
  }
}

/** Debezium's task ended: Connect says why. */
export class ConnectorFailed extends Error {
  readonly code = 'connector-failed';
  constructor(
    readonly connector: string,
    readonly trace: string,
  ) {
    super(
      `The connector ${connector} does not capture: ${trace.trim().slice(0, 1000)}\nWhen the cause is gone: npm run kafka:up`,
    );
    this.name = 'ConnectorFailed';
  }
}

export interface Stack {
  readonly brokers: string;
  readonly connectUrl: string;
}

/** Milliseconds for one that runs to answer, and for the connector's task to begin. */
const patience = 60_000;
const pause = 100;

/** The folder must be locked. @throws PortInUse, JavaDidNotStart, KafkaDoesNotAnswer, ConnectFailed, ConnectorFailed */
export async function bringUp(config: KafkaConfig, jars: string, say: (line: string) => void): Promise<Stack> {
  const brokers = await broker(config, jars, say);
  const connectUrl = await worker(config, jars, brokers, say);
  const connector = await applyConnector(connectUrl, config.CONNECTOR);
  await untilCapturing(connector);
  return { brokers, connectUrl };
}

/** Connect first, which writes to the broker. Returns whether anything was running. */
export async function takeDown(folder: string, say: (line: string) => void): Promise<boolean> {
  const connectRan = await endNoted(connectNote(folder), folder);
  if (connectRan) say('Kafka Connect is down.');
  const brokerRan = await endNoted(brokerNote(folder), folder);
  if (brokerRan) say('Kafka is down.');
  return connectRan || brokerRan;
}

async function broker(config: KafkaConfig, jars: string, say: (line: string) => void): Promise<string> {
  const folder = kafkaFolder(config.DATA_DIR);
  const note = readNote(brokerNote(folder), folder);
  if (note) {
    const address = note.about['address']!;
    await untilAnswering('Kafka', note, address, () => isOpen(address));
    say(`Kafka runs already: ${address} (process ${note.pid}).`);
    return address;
  }
  await assertFree(config.KAFKA_PORT, '127.0.0.1', 'KAFKA_PORT');
  await assertFree(config.KAFKA_CONTROLLER_PORT, '127.0.0.1', 'KAFKA_CONTROLLER_PORT');
  const [port, controllerPort] = [await given(config.KAFKA_PORT), await given(config.KAFKA_CONTROLLER_PORT)];
  const address = `127.0.0.1:${port}`;
  const spawned = (pid: number) => writeNote(brokerNote(folder), { pid, about: { address } });
  const { pid } = await startBroker({ jars, deploy, folder, heap: config.KAFKA_HEAP, port, controllerPort, spawned });
  say(`Kafka is up: ${address} (process ${pid}).`);
  return address;
}

/** Its environment holds database and names: a worker with others is started anew, the topic stays. */
async function worker(config: KafkaConfig, jars: string, brokers: string, say: (line: string) => void) {
  const folder = kafkaFolder(config.DATA_DIR);
  const environment = environmentOf(config);
  const settings = createHash('sha256')
    .update(JSON.stringify([brokers, environment]))
    .digest('hex');
  const note = readNote(connectNote(folder), folder);
  if (note?.about['settings'] === settings) {
    const address = note.about['address']!;
    await untilAnswering('Kafka Connect', note, address, () => answers(address));
    say(`Kafka Connect runs already: ${address} (process ${note.pid}).`);
    return address;
  }
  if (await endNoted(connectNote(folder), folder)) say('Kafka Connect had other settings; it starts anew.');
  await assertFree(config.CONNECT_PORT, '127.0.0.1', 'CONNECT_PORT');
  const port = await given(config.CONNECT_PORT);
  const address = `http://127.0.0.1:${port}`;
  const spawned = (pid: number) => writeNote(connectNote(folder), { pid, about: { address, settings } });
  const files = { jars, deploy, folder, heap: config.KAFKA_HEAP };
  const { pid } = await startConnect({ ...files, port, brokers, environment, spawned });
  say(`Kafka Connect is up: ${address} (process ${pid}).`);
  return address;
}

async function untilAnswering(program: string, note: ProcessNote, address: string, asked: () => Promise<boolean>) {
  for (const deadline = Date.now() + patience; !(await asked()); await sleep(pause))
    if (Date.now() > deadline) throw new KafkaDoesNotAnswer(program, note.pid, address);
}

async function untilCapturing(connector: Connector): Promise<void> {
  const status = await connector.settled(patience);
  if (status?.task === 'RUNNING') return;
  const state = `it is ${status?.connector ?? 'not there'}, its task ${status?.task ?? 'not there'}.`;
  throw new ConnectorFailed(connector.name, status?.trace ?? state);
}

const answers = async (url: string): Promise<boolean> =>
  fetch(`${url}/connectors`, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  );

function isOpen(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), host);
    const settle = (open: boolean) => {
      socket.destroy();
      resolve(open);
    };
    socket.once('connect', () => settle(true)).once('error', () => settle(false));
  });
}
