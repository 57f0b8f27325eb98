/** `migsbyu connector …`: the Debezium connector in Kafka Connect, from deploy/debezium and the catalog. */
import { readFile } from 'node:fs/promises';
import { Connector, connectorConfig, type ConnectorConfig, type ConnectorStatus } from '#libs/debezium';
import { exitCodes, type ExitCode } from './exit-codes.js';

export const connectorVerbs = {
  apply: 'Register the connector, or make it as deploy/debezium/connector.json and the catalog say.',
  status: 'Show whether connector and task run, and why the task failed.',
  restart: 'Start connector and task again.',
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
}

/** Milliseconds for the connector's task to begin. */
const patience = 60_000;

/** @throws ConnectFailed */
export async function connectorWork(
  verb: ConnectorVerb,
  connector: Connector,
  { settings, tables }: ConnectorSource,
): Promise<ConnectorAnswer> {
  if (verb === 'apply') {
    const config = JSON.parse(await readFile(settings, 'utf8')) as ConnectorConfig;
    await connector.apply(connectorConfig(config, await tables()));
  } else if (verb === 'restart') await connector.restart();
  // Connect answers before it has begun what was asked of it
  return describe(connector, verb === 'status' ? await connector.status() : await connector.settled(patience));
}

function describe({ name }: Connector, status: ConnectorStatus | null): ConnectorAnswer {
  if (!status) {
    const text = `There is no connector ${name}. Register it: migsbyu connector apply\n`;
    return { json: { name, connector: null, task: null, trace: null }, text, code: exitCodes.failed };
  }
  const lines = [`Connector ${name} is ${status.connector}, its task ${status.task ?? 'not there yet'}.`];
  if (status.trace) lines.push(status.trace.trim(), 'When the cause is gone: migsbyu connector restart');
  const failed = [status.connector, status.task].includes('FAILED');
  return {
    json: { name, ...status },
    text: `${lines.join('\n')}\n`,
    code: failed ? exitCodes.failed : exitCodes.fine,
  };
}
