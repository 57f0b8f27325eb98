/** What any deployment must agree in, with itself, with the typed configurations and with the native stack. */
import { parseConfig } from '#libs/service';
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import type { z } from 'zod';
import { commandApiVariables, migrationVariables } from '../../apps/command-api/src/config.js';
import { variables as projectorVariables } from '../../apps/projector/src/config.js';
import { variables as queryApiVariables } from '../../apps/query-api/src/config.js';
import { frontDoorVariables, kafkaVariables } from '../../apps/standalone/src/config.js';
import type { Deployed } from './deployed.js';

/** The typed configuration of each role that has one. */
const configurations: Readonly<Record<string, z.ZodObject>> = {
  'command-api': commandApiVariables,
  projector: projectorVariables,
  'query-api': queryApiVariables,
  origin: frontDoorVariables,
  migrate: migrationVariables,
};

/** Of the command line, which takes options as well. */
const commandLineVariables = [...readFileSync('apps/cli/src/cli.ts', 'utf8').matchAll(/environment\['(\w+)'\]/g)].map(
  ([, name]) => name!,
);

export const rolesOfTheImage: Readonly<Record<string, number | null>> = Object.fromEntries(
  [...readFileSync('deploy/image/start.mjs', 'utf8').matchAll(/^ {2}'?([\w-]+)'?: \{ program: [^}]*\}/gm)].map(
    ([text, role]) => [role!, Number(/port: (\d+)/.exec(text)?.[1] ?? 0) || null],
  ),
);

/** What Kafka's image reads: the files that Connect is configured by, and the script that starts both. */
const asked = (file: string, pattern: RegExp) =>
  [...new Set([...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name]) => name!))].sort();
const connectAsks = [
  ...asked('deploy/debezium/connector.json', /\$\{env:(\w+)\}/g),
  ...asked('deploy/debezium/connect.properties', /\$\{env:(\w+)\}/g),
];
const startAsks = asked('deploy/kafka/start.sh', /\$\{?(KAFKA_\w+)/g);

/** Variables whose default is this machine, or a folder of it: in a container they must be said. */
function mustBeSaid(schema: z.ZodObject): string[] {
  const defaults = parseConfig(schema, {}) as Record<string, unknown>;
  const local = Object.keys(defaults).filter((name) => /127\.0\.0\.1|localhost/.test(String(defaults[name])));
  return [...local, ...['LAKE_URL', 'CHANGE_SOURCE'].filter((name) => name in schema.shape)];
}

export function expectKnownVariables(deployment: readonly Deployed[]): void {
  const ours = deployment.filter(({ environment }) => environment['ROLE']);
  expect(ours.map(({ environment }) => environment['ROLE']).sort()).toEqual(Object.keys(rolesOfTheImage).sort());
  for (const { environment } of ours) {
    const { ROLE, ...given } = environment;
    const schema = configurations[ROLE!];
    const known = schema ? Object.keys(schema.shape) : commandLineVariables;
    expect({ ROLE, unknown: Object.keys(given).filter((name) => !known.includes(name)) }).toEqual({
      ROLE,
      unknown: [],
    });
    if (!schema) continue;
    expect({ ROLE, missing: mustBeSaid(schema).filter((name) => !given[name]) }).toEqual({ ROLE, missing: [] });
    expect(() => parseConfig(schema, given)).not.toThrow();
  }
}

export function expectKafkaIsAskedFor(deployment: readonly Deployed[]): void {
  const [broker, connect] = ['broker', 'connect'].map((role) => deployment.find((one) => one.arguments[0] === role)!);
  expect(
    Object.keys(connect!.environment)
      .filter((name) => name !== 'KAFKA_HEAP' && !inUse(name))
      .sort(),
  ).toEqual([...new Set(connectAsks)].sort());
  const unknown = Object.keys(broker!.environment).filter((name) => !startAsks.includes(name));
  expect(unknown).toEqual([]);
  expect(broker!.environment['KAFKA_ADVERTISED']).toBe(connect!.environment['KAFKA_BROKERS']);
}

/** Of a ConfigMap that several share, what this one does not read. */
const inUse = (name: string) => ['CONNECT_URL', 'CONNECTOR'].includes(name);

/** Who writes and who reads have one topic, one broker, one database, one lake, and the ports of the typed configuration. */
export function expectOneWay(deployment: readonly Deployed[]): void {
  const byRole = (role: string) => deployment.find(({ environment }) => environment['ROLE'] === role)!;
  const connect = deployment.find((one) => one.arguments[0] === 'connect')!.environment;
  const [projector, query, apply] = [byRole('projector'), byRole('query-api'), byRole('connector-apply')];
  const native = parseConfig(kafkaVariables, {});
  const captured = ['KAFKA_BROKERS', 'KAFKA_TOPIC', 'REPLICATION_SLOT', 'PUBLICATION'];
  for (const name of captured) expect([name, projector.environment[name]]).toEqual([name, connect[name]]);
  expect(connect).toMatchObject({ KAFKA_TOPIC: native.KAFKA_TOPIC, PUBLICATION: native.PUBLICATION });
  expect(connect['REPLICATION_SLOT']).toBe(parseConfig(projectorVariables, {}).REPLICATION_SLOT);
  expect(portOf(`//${connect['KAFKA_BROKERS']}`)).toBe(native.KAFKA_PORT);
  for (const { environment } of [projector, apply]) {
    expect(environment['CONNECT_URL']).toBe(`http://connect:${native.CONNECT_PORT}`);
    expect(environment['CONNECTOR']).toBe(native.CONNECTOR);
  }
  expect(connect['CONNECT_LISTENERS']).toBe(`http://:${native.CONNECT_PORT}`);
  const { DATABASE_USER, DATABASE_PASSWORD, DATABASE_HOST, DATABASE_PORT, DATABASE_NAME } = connect;
  const url = `postgresql://${DATABASE_USER}:${DATABASE_PASSWORD}@${DATABASE_HOST}:${DATABASE_PORT}/${DATABASE_NAME}`;
  for (const role of ['migrate', 'command-api', 'projector'])
    expect(byRole(role).environment['DATABASE_URL']).toBe(url);
  expect(query.environment['LAKE_URL']).toBe(projector.environment['LAKE_URL']);
  const lake = new URL(query.environment['LAKE_URL']!).pathname;
  expect(projector.mounts[lake]).toMatchObject({ volume: 'lake', readOnly: false });
  expect(query.mounts[lake]).toMatchObject({ volume: 'lake', readOnly: true });
  expect(Object.keys(projector.mounts)).toContain(projector.environment['SPOOL_FOLDER']);
}

/** The origin and whoever calls a service name it as it is named, at the port it listens on. */
export function expectServicesAreFound(deployment: readonly Deployed[]): void {
  const { environment } = deployment.find((one) => one.environment['ROLE'] === 'origin')!;
  for (const [variable, role] of [
    ['COMMAND_API_URL', 'command-api'],
    ['QUERY_API_URL', 'query-api'],
    ['PROJECTOR_URL', 'projector'],
  ] as const)
    expect(environment[variable]).toBe(`http://${role}:${rolesOfTheImage[role]}`);
  for (const [role, port] of Object.entries(rolesOfTheImage))
    if (port) expect([role, parseConfig(configurations[role]!, {})['PORT']]).toEqual([role, port]);
}

const portOf = (url: string): number => Number(new URL(url, 'http://x').port);
