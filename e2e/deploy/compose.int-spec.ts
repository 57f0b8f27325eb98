import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectKafkaIsAskedFor, expectKnownVariables, expectOneWay, expectServicesAreFound } from './agreement.js';
import { composeDeployment, composeFile } from './deployed.js';

/** The Compose Specification's own schema, of compose-go 2.16.2. */
const schema = JSON.parse(readFileSync('e2e/deploy/compose-spec.json', 'utf8')) as object;
const { services } = composeFile();

type DependsOn = Record<string, { condition: string }>;
const dependsOn = (name: string) => (services[name]!['depends_on'] ?? {}) as DependsOn;

describe('docker-compose.yml', () => {
  it('is as the Compose Specification has it', () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
    const isValid = ajv.compile(schema);
    isValid(composeFile());
    expect(isValid.errors).toBeNull();
    expect(isValid({ services: { x: { image: 'y', heathcheck: {} } } })).toBe(false);
  });

  it('sets variables that the roles know, all that they need, to values that they take', () =>
    expectKnownVariables(composeDeployment()));

  it('gives Kafka and Connect what their files and their script ask for', () =>
    expectKafkaIsAskedFor(composeDeployment()));

  it('leads one way from the database to the lake, by the names and ports of the native stack', () =>
    expectOneWay(composeDeployment()));

  it('leads the origin to each service', () => expectServicesAreFound(composeDeployment()));

  it('publishes the origin alone, on this machine alone, so that any other service scales', () => {
    const published = Object.entries(services).flatMap(([name, { ports }]) => (ports ? [[name, ports]] : []));
    expect(published).toEqual([['origin', ['127.0.0.1:8501:8501']]]);
    expect(Object.values(services).filter((service) => 'container_name' in service)).toEqual([]);
  });

  it('waits for what runs until it is healthy, and for what ends until it has ended well', () => {
    const ends = ['migrate', 'connector-apply'];
    const checked = new Set(['postgres', 'kafka', 'connect']); // the image of ours brings its own check
    for (const [name, service] of Object.entries(services)) {
      for (const [other, { condition }] of Object.entries(dependsOn(name)))
        expect([name, other, condition]).toEqual([
          ...[name, other],
          ends.includes(other) ? 'service_completed_successfully' : 'service_healthy',
        ]);
      expect([name, service['restart']]).toEqual([name, ends.includes(name) ? 'on-failure' : 'unless-stopped']);
      if (checked.has(name)) expect(service).toHaveProperty('healthcheck.test');
    }
    expect(Object.keys(dependsOn('connector-apply'))).toEqual(expect.arrayContaining(['connect', 'migrate']));
    expect(Object.keys(dependsOn('projector'))).toContain('connector-apply');
  });

  it('runs Postgres with a log that can be read, and kept within bounds, as the embedded one', () => {
    const command = services['postgres']!.command as string;
    const embedded = readFileSync('libs/embedded-postgres/src/start-postgres.ts', 'utf8');
    for (const [, name, value] of command.matchAll(/-c (\w+)=(\S+)/g))
      expect(embedded).toContain(`${name}: '${value}'`);
    expect(command).toMatch(/wal_level=logical.*max_slot_wal_keep_size=/s);
  });

  it('builds from files that are there, and names the version of every image', () => {
    for (const [name, { build, image }] of Object.entries(services)) {
      expect([name, image]).toEqual([name, expect.stringMatching(/:\d+\.\d+/)]);
      if (!build) continue;
      const { context, dockerfile } =
        typeof build === 'string'
          ? { context: build, dockerfile: 'Dockerfile' }
          : (build as { context: string; dockerfile: string });
      expect([name, existsSync(join(context, dockerfile))]).toEqual([name, true]);
    }
  });

  it('holds no password of its own', () => {
    expect(readFileSync('docker-compose.yml', 'utf8')).not.toMatch(/PASSWORD: (?!\$\{)|:\/\/\w+:(?!\$\{)[^@\n]+@/);
  });
});
