/** `migsbyu connector …`: the Debezium connector in Kafka Connect, from deploy/debezium and the catalog. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  atRest,
  Connector,
  connectorConfig,
  type Applied,
  type ConnectorConfig,
  type ConnectorStatus,
} from '#libs/debezium';
import { exitCodes, type ExitCode } from './exit-codes.js';

export const connectorVerbs = {
  apply:
    'Register the connector, or make it as deploy/debezium/connector.json and the catalog say; start it where it does not run.',
  status: 'Show whether connector and task run, and why the task failed.',
  restart: 'Start connector and task again, or let go on what is paused.',
} as const;

export type ConnectorVerb = keyof typeof connectorVerbs;

export interface ConnectorAnswer {
  readonly json: object;
  readonly text: string;
  readonly code: ExitCode;
}

export interface ConnectorSource {
  /** Path of deploy/debezium/connector.json. */
  readonly settings: string;
  /** Names of the tables that the catalog captures. */
  readonly tables: () => Promise<Iterable<string>>;
  /** Milliseconds that a task must go on before it counts as running. Default: 3000. */
  readonly proof?: number;
}

/** Milliseconds for the connector's task to begin, and then to fail: it says RUNNING before it has asked Postgres. */
const [patience, usualProof] = [60_000, 3_000];

/** What was done, before the connector is looked at. */
interface Done {
  readonly change: Applied | null;
  readonly restarted: boolean;
}

/** @throws ConnectFailed */
export async function connectorWork(
  verb: ConnectorVerb,
  connector: Connector,
  source: ConnectorSource,
): Promise<ConnectorAnswer> {
  if (verb === 'status') return describe(connector, await connector.status());
  const { proof = usualProof } = source;
  const done = verb === 'apply' ? await apply(connector, source) : await restart(connector);
  if (!done) return describe(connector, null);
  // Connect answers before it has begun what was asked of it
  const begun = await connector.settled(patience);
  if (!begun || (done.change === 'unchanged' && !done.restarted)) return describe(connector, begun, done);
  await sleep(proof);
  return describe(connector, await connector.status(), done);
}

async function apply(connector: Connector, { settings, tables }: ConnectorSource): Promise<Done> {
  const config = JSON.parse(await readFile(settings, 'utf8')) as ConnectorConfig;
  const change = await connector.apply(connectorConfig(config, await tables()));
  const status = change === 'created' ? null : await connector.settled(patience);
  const restarted = status !== null && [status.connector, status.task].some((state) => state && atRest.has(state));
  if (restarted) await connector.restart();
  return { change, restarted };
}

async function restart(connector: Connector): Promise<Done | null> {
  if (!(await connector.status())) return null;
  await connector.restart();
  return { change: null, restarted: true };
}

function describe({ name }: Connector, status: ConnectorStatus | null, done: Done | null = null): ConnectorAnswer {
  const json = { name, ...done, ...(status ?? { connector: null, task: null, trace: null }) };
  if (!status) {
    const text = `There is no connector ${name}. Register it: migsbyu connector apply\n`;
    return { json, text, code: exitCodes.failed };
  }
  const lines = [
    ...toldOf(name, done),
    `Connector ${name} is ${status.connector}, its task ${status.task ?? 'not there'}.`,
  ];
  if (status.trace) lines.push(status.trace.trim());
  const runs = status.connector === 'RUNNING' && status.task === 'RUNNING';
  if (!runs) lines.push('When the cause is gone: migsbyu connector restart');
  return { json, text: `${lines.join('\n')}\n`, code: runs ? exitCodes.fine : exitCodes.failed };
}

function toldOf(name: string, done: Done | null): string[] {
  if (!done?.change) return [];
  const what = done.change === 'unchanged' ? 'is as the files and the catalog say' : `was ${done.change}`;
  return [`Connector ${name} ${what}${done.restarted ? '; it did not run, and was started again' : ''}.`];
}
