import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startPostgres, type Postgres } from '#libs/embedded-postgres';
import { appendFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { CampusDatabase, eventually } from './contract/campus-database.js';
import { RecordingReceiver } from './contract/recording-receiver.js';

let folder: string;
let server: Postgres;
let database: CampusDatabase;
let databases = 0;
let settingsNow = '';

/** On the same port as before, once there is one. */
async function startServer(settings: Record<string, string> = {}): Promise<void> {
  const dataDir = join(folder, 'data');
  const [user, password, port] = ['migsbyu', 'migsbyu', server?.port ?? 0];
  server = await startPostgres({ dataDir, port, user, password, settings: { fsync: 'off', ...settings } });
  settingsNow = JSON.stringify(settings);
}

async function restart(settings: Record<string, string> = {}): Promise<void> {
  await server.stop();
  await startServer(settings);
}

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(sql);
  await client.end();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slot-restart-'));
  await startServer();
});
beforeEach(async () => {
  if (settingsNow !== '{}') await restart();
  const name = `campus_${++databases}`;
  await onServer(`CREATE DATABASE ${name}`);
  const close = () => onServer(`DROP DATABASE ${name} WITH (FORCE)`);
  database = await CampusDatabase.open({ url: server.url(name), name, close });
});
afterEach(() => database.close());
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

/** Whether a server had to repair what a start before it left behind. */
const recovered = async () =>
  (await readFile(join(folder, 'data.log'), 'utf8')).includes('automatic recovery in progress');

const insert = (id: number) => database.run(`INSERT INTO buildings VALUES (${id}, 'x')`);
const large = `INSERT INTO buildings SELECT i, repeat('x', 1000) FROM generate_series(1, 30000) AS i`;
const changed = (change: string) => ({ code: 'source-changed', change });

describe('a server that shuts down', () => {
  it('is not held up by a source that has something undurable', async () => {
    const receiver = new RecordingReceiver();
    await database.source().start(null, receiver);
    await insert(1);
    await receiver.first(2);
    await restart();
    await database.connect();
    expect(await recovered()).toBe(false);
    await insert(2);
    expect((await receiver.first(3))[2]!.changes[0]!.key).toBe('["2"]');
  });
});

describe('a server that goes away in the middle of a large transaction', () => {
  const crash = async () => {
    process.kill(server.pid, 'SIGQUIT');
    await server.exited;
  };
  it.each([
    // waiting for the source, it would be killed in the end, and have to recover
    ['in order', () => server.stop(), false],
    ['by a crash', crash, true],
  ])('and comes back (%s) sends it again, whole, and nothing twice that was accepted', async (_, away, crashes) => {
    let restarted: Promise<void> | null = null;
    const interruptions: Error[] = [];
    const receiver = new RecordingReceiver({
      async take([change]) {
        if (change!.op === 'c' && change!.table === 'buildings') await (restarted ??= away().then(() => startServer()));
      },
    });
    const source = database.source({ interrupted: (error) => interruptions.push(error) });
    await source.start(null, receiver);
    await database.run(`INSERT INTO rooms VALUES (1, 'before')`);
    await receiver.first(2);
    source.durable(receiver.position.commitLsn);
    await database.run(large);
    const [, , transaction] = await receiver.first(3);
    expect(transaction!.changes).toHaveLength(30_000);
    expect(receiver.cut).toHaveLength(1);
    expect(interruptions.length).toBeGreaterThanOrEqual(1);
    expect(await recovered()).toBe(crashes);
    await database.connect();
    await database.run(`INSERT INTO rooms VALUES (1, 'after')`);
    expect((await receiver.first(4))[3]!.changes[0]!.key).toBe('["after","1"]');
  });
});

describe('a snapshot that is interrupted', () => {
  it('fails, its transaction with it, and starts anew', async () => {
    await database.run(large);
    const receiver = new RecordingReceiver({
      take: ([change]) => (change!.op === 'r' ? server.stop() : undefined),
    });
    // whichever of its connections ends first
    const code = expect.stringMatching(/^(transaction-cut|connection-lost)$/);
    await expect(database.source().start(null, receiver)).rejects.toMatchObject({ code });
    expect(receiver.transactions).toEqual([]);
    await startServer();
    await database.connect();
    const again = new RecordingReceiver();
    await database.source().start(null, again);
    expect(again.transactions[0]!.changes).toHaveLength(30_003);
  });
});

describe('a lake does not go on', () => {
  const stopped = async () => {
    const receiver = new RecordingReceiver();
    const source = database.source();
    await source.start(null, receiver);
    source.durable(receiver.position.commitLsn);
    await source.stop();
    return receiver.position;
  };

  it('from a slot that the server gave up, since it pinned too much of the log', async () => {
    const lake = await stopped();
    await restart({ max_slot_wal_keep_size: '1MB', max_wal_size: '32MB', min_wal_size: '32MB' });
    await database.connect();
    for (let i = 0; i < 4; i++) await database.run(`INSERT INTO unpublished VALUES (${i}); SELECT pg_switch_wal()`);
    await database.run('CHECKPOINT');
    const lost = `SELECT FROM pg_replication_slots WHERE slot_name = '${database.slot}' AND wal_status = 'lost'`;
    await eventually(async () => (await database.run(lost)).length === 1);
    await expect(database.source().start(lake, new RecordingReceiver())).rejects.toMatchObject(
      changed('slot-invalidated'),
    );
    const again = new RecordingReceiver();
    await database.source().start(lake, again, { resnapshot: true });
    expect(again.transactions).toHaveLength(1);
  });

  it('on another timeline', async () => {
    const lake = await stopped();
    await server.stop();
    await writeFile(join(folder, 'data', 'recovery.signal'), '');
    appendFileSync(join(folder, 'data', 'postgresql.auto.conf'), `restore_command = 'false'\n`);
    await startServer();
    await eventually(async () => {
      await database.connect();
      return (await database.run('SELECT pg_is_in_recovery()::text AS recovering'))[0]!['recovering'] === 'false';
    });
    await expect(database.source().start(lake, new RecordingReceiver())).rejects.toMatchObject(
      changed('timeline-changed'),
    );
  });
});

describe('a database that is not ready', () => {
  it.each([
    ['wal-level', { wal_level: 'replica', max_slot_wal_keep_size: '1GB' }],
    ['slot-keep-size', { max_slot_wal_keep_size: '-1' }],
  ])('is refused: %s', async (problem, settings) => {
    await restart(settings);
    await expect(database.source().start(null, new RecordingReceiver())).rejects.toMatchObject({
      code: 'source-not-ready',
      problems: [expect.objectContaining({ problem })],
    });
  });

  it('is refused: replication-role', async () => {
    await database.run(`CREATE ROLE plain LOGIN PASSWORD 'plain'`);
    const databaseUrl = database.url.replace('migsbyu:migsbyu', 'plain:plain');
    await expect(database.source({ databaseUrl }).start(null, new RecordingReceiver())).rejects.toMatchObject({
      problems: [expect.objectContaining({ problem: 'replication-role' })],
    });
  });
});
