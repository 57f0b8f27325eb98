import { afterAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { emptyDatabase, testDatabase, type TestDatabase } from './test-database.js';

const open: TestDatabase[] = [];
const opened = async (database: Promise<TestDatabase>) => {
  open.push(await database);
  return database;
};
afterAll(async () => {
  for (const database of open) await database.close();
});

async function ask(url: string, sql: string): Promise<unknown[][]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

describe('a test database', () => {
  it('has the migrated tables, and rows of its own', async () => {
    const [one, two] = [await opened(testDatabase()), await opened(testDatabase())];
    await ask(
      one.url,
      `INSERT INTO domain_events (stream_id, version, type, data, metadata) VALUES ('a', 1, 'b', '{}', '{}')`,
    );
    expect(await ask(one.url, 'SELECT count(*)::int FROM domain_events')).toEqual([[1]]);
    expect(await ask(two.url, 'SELECT count(*)::int FROM domain_events')).toEqual([[0]]);
  });

  it('has no tables when asked to be empty', async () => {
    const { url } = await opened(emptyDatabase());
    expect(await ask(url, `SELECT FROM pg_tables WHERE schemaname = 'public'`)).toEqual([]);
  });

  it('closes although connections and a replication slot of it are in use', async () => {
    const { url, name, close } = await testDatabase();
    const reader = new pg.Client({ connectionString: url, replication: 'database' } as pg.ClientConfig);
    reader.on('error', () => {}); // it is cut off
    await reader.connect();
    await reader.query(`CREATE_REPLICATION_SLOT ${name} LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
    const options = `(proto_version '1', publication_names 'migsbyu')`;
    const streaming = new Promise((done) =>
      reader.query(`START_REPLICATION SLOT ${name} LOGICAL 0/0 ${options}`, done),
    );
    const { url: other } = await opened(emptyDatabase());
    const active = `SELECT active FROM pg_replication_slots WHERE slot_name = '${name}'`;
    while (!(await ask(other, active))[0]?.[0]) await sleep(10);
    await close();
    await streaming;
    expect(await ask(other, active)).toEqual([]);
    expect(await ask(other, `SELECT FROM pg_database WHERE datname = '${name}'`)).toEqual([]);
  });
});

/** A process that asks for a database and is killed. */
async function killedWorker(when: 'at once' | 'with a database'): Promise<number> {
  const source = `
    const { testDatabase } = await import(${JSON.stringify(new URL('test-database.ts', import.meta.url).href)});
    const asked = testDatabase();
    process.send('asked');
    await asked;
    process.send('has one');
    setInterval(() => {}, 1000);`;
  const hooks = new URL('../../../tools/run-typescript.mjs', import.meta.url).href;
  const child = spawn(process.execPath, ['--import', hooks, '--input-type=module', '-e', source], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const wanted = when === 'at once' ? 'asked' : 'has one';
  await new Promise<void>((done) => child.on('message', (said) => said === wanted && done()));
  if (when === 'at once') await sleep(100); // initdb is under way
  child.kill('SIGKILL');
  await new Promise((done) => child.once('exit', done));
  return child.pid!;
}

const foldersOf = (worker: number) =>
  readdirSync(tmpdir()).filter((name) => name.startsWith(`test-postgres-${worker}-`));

function processesOf(worker: number): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && existsSync(`/proc/${pid}/cmdline`))
    .filter((pid) => commandLine(pid).includes(`test-postgres-${worker}-`));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

(process.platform === 'linux' ? describe : describe.skip)('a killed worker', () => {
  it.each(['at once', 'with a database'] as const)('leaves no process and no file: %s', async (when) => {
    const worker = await killedWorker(when);
    expect(foldersOf(worker)).toHaveLength(1);
    while (foldersOf(worker).length + processesOf(worker).length > 0) await sleep(50);
  });
});
