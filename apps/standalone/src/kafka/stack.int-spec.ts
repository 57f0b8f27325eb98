/** What is started, found again and ended, with a program in java's place that does nothing but answer. */
import { readNote } from '#libs/embedded-kafka';
import { isRunning, processName } from '#libs/running-process';
import { parseConfig } from '#libs/service';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaVariables } from '../config.js';
import { assertDown, brokerNote, connectNote, kafkaFolder } from './stack-notes.js';
import { bringUp, takeDown, type Stack } from './stack.js';

/** Kafka's listener takes connections; Connect's REST interface keeps one connector, whose task is as TASK says. */
const standIn = `#!${process.execPath}
const { createServer } = require('node:http');
const { appendFileSync } = require('node:fs');
const given = process.argv.join(' ');
const [, port] = /listeners=PLAINTEXT:\\/\\/127.0.0.1:(\\d+)/.exec(given) ?? [];
let config = null;
createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  const answer = (body) => response.end(JSON.stringify(body));
  if (request.url.endsWith('/config') && request.method === 'GET') {
    if (!config) response.statusCode = 404;
    return answer(config ?? { message: 'no such connector' });
  }
  if (request.method !== 'PUT') {
    const task = { state: process.env.TASK, trace: 'Couldn’t obtain encoding' };
    return answer(request.url === '/connectors' ? [] : { connector: { state: 'RUNNING' }, tasks: config ? [task] : [] });
  }
  let text = '';
  request.on('data', (part) => (text += part)).on('end', () => {
    config = JSON.parse(text);
    const asked = Object.entries(process.env).filter(([name]) => /^(DATABASE|REPLICATION|PUBLICATION|KAFKA)/.test(name));
    appendFileSync(process.env.APPLIED, JSON.stringify({ url: request.url, config, asked: Object.fromEntries(asked) }) + '\\n');
    answer(config);
  });
}).listen(Number(port ?? new URL(process.env.CONNECT_LISTENERS).port), '127.0.0.1');
`;

const before = { ...process.env };
let root: string;
let folder: string;
let said: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kafka-stack-'));
  folder = kafkaFolder(root);
  said = [];
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(folder, 'kafka'), { recursive: true });
  writeFileSync(join(folder, 'kafka/meta.properties'), ''); // a log that is formatted already
  writeFileSync(join(root, 'bin/java'), standIn);
  chmodSync(join(root, 'bin/java'), 0o755);
  Object.assign(process.env, {
    ...{ PATH: `${join(root, 'bin')}:${before['PATH']}`, TASK: 'RUNNING', APPLIED: join(root, 'applied') },
  });
});
afterEach(async () => {
  await takeDown(folder, () => {});
  for (const name of ['PATH', 'TASK', 'APPLIED'])
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  await rm(root, { recursive: true });
});

function up(variables: Record<string, string> = {}): Promise<Stack> {
  said = [];
  const ports = { KAFKA_PORT: '0', KAFKA_CONTROLLER_PORT: '0', CONNECT_PORT: '0' };
  const config = parseConfig(kafkaVariables, { DATA_DIR: root, ...ports, ...variables });
  return bringUp(config, join(root, 'jars'), (line) => void said.push(line));
}

const applied = () =>
  readFileSync(join(root, 'applied'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { url: string; config: Record<string, string>; asked: Record<string, string> });

const pids = () => [brokerNote(folder), connectNote(folder)].map((file) => readNote(file, folder)?.pid ?? null);

async function kill(pid: number | null): Promise<void> {
  const name = processName(pid!);
  process.kill(pid!, 'SIGKILL');
  while (isRunning(name)) await sleep(5);
}

describe('kafka:up', () => {
  it('starts broker and Connect, and registers the connector with what it asks for', async () => {
    const { brokers, connectUrl } = await up({
      DATABASE_URL: 'postgresql://al%40ice:p%2Fw@db.example:5544/campus',
      KAFKA_TOPIC: 'changes',
      CONNECTOR: 'campus',
    });
    expect(said).toEqual([
      `Kafka is up: ${brokers} (process ${pids()[0]}).`,
      `Kafka Connect is up: ${connectUrl} (process ${pids()[1]}).`,
    ]);
    const [{ url, config, asked }] = applied() as [ReturnType<typeof applied>[number]];
    expect(url).toBe('/connectors/campus/config');
    expect(config).toMatchObject({ 'database.hostname': '${env:DATABASE_HOST}' });
    expect(config['table.include.list']).toMatch(/^public\.\w+(,public\.\w+)*$/);
    expect(asked).toEqual({
      ...{ DATABASE_HOST: 'db.example', DATABASE_PORT: '5544', DATABASE_NAME: 'campus' },
      ...{ DATABASE_USER: 'al@ice', DATABASE_PASSWORD: 'p/w', REPLICATION_SLOT: 'migsbyu_kafka' },
      ...{ PUBLICATION: 'migsbyu', KAFKA_TOPIC: 'changes', KAFKA_BROKERS: brokers },
    });
  });

  it('twice finds what runs, also from ports that it would not choose again', async () => {
    const [first, running] = [await up(), pids()];
    expect(await up()).toEqual(first);
    expect(pids()).toEqual(running);
    expect(said).toEqual([
      `Kafka runs already: ${first.brokers} (process ${running[0]}).`,
      `Kafka Connect runs already: ${first.connectUrl} (process ${running[1]}).`,
    ]);
    expect(() => assertDown(folder)).toThrow(expect.objectContaining({ code: 'kafka-is-up', pids: running }));
  });

  it('brings back the half that was killed, and leaves the other alone', async () => {
    const { brokers, connectUrl } = await up();
    const [broker, connect] = pids();
    await kill(connect!);
    await up();
    expect(pids()[0]).toBe(broker);
    const again = pids()[1];
    expect(again).not.toBe(connect);
    await kill(broker!);
    const port = brokers.split(':')[1]!;
    expect(await up({ KAFKA_PORT: port })).toMatchObject({ brokers });
    expect(pids()[1]).toBe(again);
    expect(connectUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('starts Connect anew for another database', async () => {
    await up();
    const [broker, connect] = pids();
    await up({ DATABASE_URL: 'postgresql://a:b@127.0.0.1/other' });
    expect(pids()[0]).toBe(broker);
    expect(pids()[1]).not.toBe(connect);
    expect(applied().at(-1)!.asked).toMatchObject({ DATABASE_NAME: 'other', DATABASE_PORT: '5432' });
  });

  it('names what keeps the task from capturing, and leaves both running for the next try', async () => {
    process.env['TASK'] = 'FAILED';
    await expect(up()).rejects.toMatchObject({ code: 'connector-failed', trace: 'Couldn’t obtain encoding' });
    expect(pids().includes(null)).toBe(false);
  });

  it('takes no port of another program for its own', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    await expect(up({ KAFKA_PORT: String(port) })).rejects.toMatchObject({
      code: 'port-in-use',
      variable: 'KAFKA_PORT',
    });
    expect(pids()).toEqual([null, null]);
    other.close();
  });
});

describe('kafka:down', () => {
  it('ends both, and twice tells that nothing runs', async () => {
    await up();
    const names = pids().map((pid) => processName(pid!));
    said = [];
    expect(await takeDown(folder, (line) => void said.push(line))).toBe(true);
    expect(said).toEqual(['Kafka Connect is down.', 'Kafka is down.']);
    expect(names.filter(isRunning)).toEqual([]);
    expect(await takeDown(folder, () => {})).toBe(false);
    expect(() => assertDown(folder)).not.toThrow();
  });
});
