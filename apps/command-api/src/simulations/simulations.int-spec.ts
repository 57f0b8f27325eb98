import { createService } from '#libs/service';
import { testDatabase, type TestDatabase } from '#libs/test-postgres';
import { randomStudent } from '#libs/university';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { CommandApiModule } from '../command-api.module.js';
import { SimulationClaims } from './simulation-claims.js';
import type { SimulationResource } from './simulation.dto.js';

let postgres: TestDatabase;
let client: pg.Client;
const apps: NestFastifyApplication[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  postgres = await testDatabase();
  client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await Promise.all(children.splice(0).map(kill));
  await client.end();
  await postgres.close();
});

/** A service in this process; several are as several processes, but for being killed. */
async function service(): Promise<NestFastifyApplication> {
  const app = await createService({
    name: 'command-api',
    title: 'Commands',
    description: 'Under test.',
    module: CommandApiModule.of({ DATABASE_URL: postgres.url, POOL_SIZE: 6 }),
    config: { PORT: 0, HOST: '127.0.0.1', LOG_LEVEL: 'silent' },
  });
  await app.listen(0, '127.0.0.1');
  apps.push(app);
  return app;
}

/** A service in a process of its own. */
async function forked(): Promise<ChildProcess> {
  const hooks = new URL('../../../../tools/run-typescript.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', hooks, new URL('../main.ts', import.meta.url).pathname], {
    env: { ...process.env, PORT: '0', DATABASE_URL: postgres.url, LOG_LEVEL: 'silent', POOL_SIZE: '6' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  children.push(child);
  await new Promise((ready) => child.once('message', ready));
  return child;
}

const kill = (child: ChildProcess) =>
  new Promise<void>((gone) => {
    if (child.exitCode !== null || child.signalCode !== null) return gone();
    child.once('exit', () => gone());
    child.kill('SIGKILL');
  });

const start = (app: NestFastifyApplication, body: object, headers: Record<string, string> = {}) =>
  app.inject({ method: 'POST', url: '/v1/simulations', payload: body, headers });

async function read(app: NestFastifyApplication, id: string): Promise<SimulationResource> {
  return (await app.inject({ method: 'GET', url: `/v1/simulations/${id}` })).json();
}

async function until(app: NestFastifyApplication, id: string, wanted: (simulation: SimulationResource) => boolean) {
  for (;;) {
    const simulation = await read(app, id);
    if (wanted(simulation)) return simulation;
    await sleep(20);
  }
}
const ended = (app: NestFastifyApplication, id: string) => until(app, id, ({ state }) => state !== 'running');

async function students(): Promise<unknown[]> {
  const { rows } = await client.query(`SELECT first_name, last_name, gender, address, date_of_birth::text, major,
    year_of_study, gpa::text, enrollment_status FROM students`);
  return rows.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

async function expected(seed: number, count: number): Promise<unknown[]> {
  const { rows } = await client.query('SELECT current_date::text AS today');
  const all = Array.from({ length: count }, (_, index) => ({ ...randomStudent(seed, index, rows[0].today) }));
  return all.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
}

const number = async (sql: string): Promise<number> => Number((await client.query(sql)).rows[0].count);

describe('a simulation', () => {
  it('is answered at once, and registers the students of its seed as ordinary commands', async () => {
    const app = await service();
    const headers = { 'x-actor': 'registrar', 'x-correlation-id': 'term-1' };
    const answer = await start(app, { kind: 'students', count: 40, seed: 7 }, headers);
    const { id, ...resource } = answer.json() as SimulationResource;
    expect([answer.statusCode, answer.headers.location]).toEqual([202, `/v1/simulations/${id}`]);
    expect(resource).toMatchObject({ kind: 'students', state: 'running', done: 0, total: 40, seed: 7, rate: null });
    const after = await ended(app, id);
    expect(after).toMatchObject({ state: 'done', done: 40, eta: null, failure: null });
    expect(after.measured_rate).toBeGreaterThan(0);
    expect(after.finished_at! > after.created_at).toBe(true);
    expect(await students()).toEqual(await expected(7, 40));
    const metadata = await client.query(
      `SELECT DISTINCT type, metadata->>'actor' AS actor, metadata->>'command' AS command,
        metadata->>'correlation_id' AS correlation_id, metadata->>'causation_id' AS causation_id FROM domain_events`,
    );
    const event = { type: 'StudentRegistered', actor: 'registrar', command: 'RegisterStudent' };
    expect(metadata.rows).toEqual([{ ...event, correlation_id: 'term-1', causation_id: `simulations/${id}` }]);
  });

  it('chooses a seed where none is given, and tells it', async () => {
    const app = await service();
    const { id, seed } = (await start(app, { kind: 'students', count: 3 })).json() as SimulationResource;
    await ended(app, id);
    expect(await students()).toEqual(await expected(seed, 3));
  });

  it('keeps to its rate, and tells how long it will take', async () => {
    const app = await service();
    const { id } = (await start(app, { kind: 'students', count: 10_000, rate: 20 })).json() as SimulationResource;
    const under = await until(app, id, ({ measured_rate, done }) => done > 5 && measured_rate !== null);
    expect(under.measured_rate).toBeLessThan(60);
    expect(under.eta! > under.created_at).toBe(true);
  });

  it('is begun once for equal requests with one key', async () => {
    const app = await service();
    const order = () => start(app, { kind: 'students', count: 2, seed: 1 }, { 'idempotency-key': 'k' });
    const answers = await Promise.all([order(), order(), order()]);
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    const other = await start(app, { kind: 'students', count: 3, seed: 1 }, { 'idempotency-key': 'k' });
    expect(other.json()).toMatchObject({ code: 'idempotency-key-reused' });
    expect(await number('SELECT count(*) FROM internal.simulations')).toBe(1);
  });

  it.each([
    [{ kind: 'dragons', count: 1 }, '/kind'],
    [{ kind: 'students', count: 0 }, '/count'],
    [{ kind: 'students', count: 1, seed: -1 }, '/seed'],
    [{ kind: 'students', count: 1, rate: 0 }, '/rate'],
  ])('is refused for %j, with the place', async (body, pointer) => {
    const answer = await start(await service(), body);
    expect(answer.statusCode).toBe(422);
    expect(answer.json().errors).toEqual([expect.objectContaining({ pointer })]);
  });

  it('is not found under another id', async () => {
    const app = await service();
    for (const id of ['nonsense', '6f9d2e52-6a0b-4c55-9a7e-6f3f9e1b8f10'])
      for (const [method, url] of [
        ['GET', `/v1/simulations/${id}`],
        ['GET', `/v1/simulations/${id}/events`],
        ['DELETE', `/v1/simulations/${id}`],
      ] as const) {
        const answer = await app.inject({ method, url });
        expect([url, answer.statusCode, answer.json().code]).toEqual([url, 404, 'not-found']);
      }
  });

  it('does no more once it is cancelled, and keeps what it did', async () => {
    const [app, other] = [await service(), await service()];
    const { id } = (await start(app, { kind: 'students', count: 100_000, rate: 100 })).json() as SimulationResource;
    await until(app, id, ({ done }) => done > 0);
    const cancelled = await other.inject({ method: 'DELETE', url: `/v1/simulations/${id}` });
    expect(cancelled.statusCode).toBe(204);
    await sleep(1000); // its process looks twice a second
    const registered = await number('SELECT count(*) FROM students');
    expect(await read(app, id)).toMatchObject({ state: 'cancelled', done: registered, eta: null });
    await sleep(300);
    expect(await number('SELECT count(*) FROM students')).toBe(registered);
    expect((await other.inject({ method: 'DELETE', url: `/v1/simulations/${id}` })).statusCode).toBe(204);
  });

  it('fails with the code of what nobody foresaw, and does no more', async () => {
    await client.query(`ALTER TABLE students ADD CONSTRAINT nobody CHECK (year_of_study > 6) NOT VALID`);
    const app = await service();
    const { id } = (await start(app, { kind: 'students', count: 50 })).json() as SimulationResource;
    expect(await ended(app, id)).toMatchObject({ state: 'failed', failure: 'statement-failed', done: 0 });
    expect(await number('SELECT count(*) FROM domain_events')).toBe(0);
  });

  it('streams its progress to the end, and then closes', async () => {
    const app = await service();
    const { id } = (await start(app, { kind: 'students', count: 60, rate: 50 })).json() as SimulationResource;
    const answer = await fetch(`${await app.getUrl()}/v1/simulations/${id}/events`);
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const events = [...(await answer.text()).matchAll(/event: progress\nid: \d+\ndata: (.*)\n\n/g)];
    const told = events.map(([, data]) => JSON.parse(data!) as SimulationResource);
    expect(told.length).toBeGreaterThan(2);
    expect(told.map(({ done }) => done)).toEqual(told.map(({ done }) => done).sort((a, b) => a - b));
    expect(told.at(-1)).toMatchObject({ id, state: 'done', done: 60 });
  });
});

describe('a simulation whose process', () => {
  it('is killed again and again goes on elsewhere, and registers every student once', async () => {
    const count = 900;
    const first = await forked();
    const id = '0f8f3a52-6a0b-4c55-9a7e-6f3f9e1b8f10';
    await client.query(
      `INSERT INTO internal.simulations (id, kind, total, seed, actor, correlation_id) VALUES ($1, 'students', $2, 3, 'a', 'c')`,
      [id, count],
    );
    const atLeast = async (registered: number) => {
      while ((await number('SELECT count(*) FROM students')) < registered) await sleep(2);
    };
    await atLeast(20);
    await kill(first);
    const killedAt = await number('SELECT count(*) FROM students');
    const second = await forked();
    await atLeast(killedAt + 20);
    await kill(second);
    const app = await service();
    expect(await ended(app, id)).toMatchObject({ state: 'done', done: count });
    expect(killedAt).toBeLessThan(count);
    expect(await students()).toEqual(await expected(3, count));
    expect(await number('SELECT count(*) FROM domain_events')).toBe(count);
  });

  it('is told to stop goes on elsewhere, where the first one left it', async () => {
    const first = await service();
    const order = { kind: 'students', count: 150, seed: 4, rate: 100 };
    const { id } = (await start(first, order)).json() as SimulationResource;
    await until(first, id, ({ done }) => done > 10);
    await apps.pop()!.close();
    const left = await number('SELECT done AS count FROM internal.simulations');
    expect(await number('SELECT count(*) FROM students')).toBe(left);
    await ended(await service(), id);
    expect(await students()).toEqual(await expected(4, 150));
  });

  it('loses its claim takes it again, and nothing happens twice', async () => {
    const app = await service();
    const order = { kind: 'students', count: 250, seed: 6, rate: 150 };
    const { id } = (await start(app, order)).json() as SimulationResource;
    await until(app, id, ({ done }) => done > 10);
    await client.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'command-api simulations'
       AND datname = current_database()`,
    );
    expect(await ended(app, id)).toMatchObject({ state: 'done', done: 250 });
    expect(await students()).toEqual(await expected(6, 250));
  });
});

describe('a claim', () => {
  it('belongs to one process, until that releases it or its session ends', async () => {
    const [one, two] = [new SimulationClaims(postgres.url), new SimulationClaims(postgres.url)];
    const lost = new Promise<void>((tell) => (one.onLost = tell));
    expect([await one.take('a'), await two.take('a'), await two.take('b')]).toEqual([true, false, true]);
    await one.release('a');
    expect(await two.take('a')).toBe(true);
    await two.close();
    expect(await one.take('a')).toBe(true);
    const session = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%simulations'
      AND datname = current_database()`;
    await client.query(session);
    await lost;
    expect(await two.take('a')).toBe(true);
    await Promise.all([one.close(), two.close()]);
  });
});
