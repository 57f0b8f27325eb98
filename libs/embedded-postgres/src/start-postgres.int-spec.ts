import { commandLine } from '#libs/running-process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startPostgres, type Postgres } from './start-postgres.js';

let folder: string;
const running: Postgres[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-postgres-'));
  await chmod(folder, 0o711);
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const options = (port = 0) => ({ dataDir: join(folder, 'pg'), port, user: 'migsbyu', password: 'p@ß/w' });

async function start(port?: number): Promise<Postgres> {
  const server = await startPostgres(options(port));
  running.push(server);
  return server;
}

async function ask(server: Postgres, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows[0];
  } finally {
    await client.end();
  }
}

/** A process that starts Postgres on the folder, says so, and waits to be killed. */
function starter(env: NodeJS.ProcessEnv = {}): ChildProcess {
  const source = `
    const { startPostgres } = await import(${JSON.stringify(new URL('start-postgres.ts', import.meta.url).href)});
    const { pid } = await startPostgres(${JSON.stringify(options())});
    process.send(pid);
    setInterval(() => {}, 1000);`;
  const hooks = new URL('../../../tools/run-typescript.mjs', import.meta.url).href;
  const args = ['--import', hooks, '--input-type=module', '-e', source];
  return spawn(process.execPath, args, {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  });
}

const message = (child: ChildProcess) =>
  new Promise<number>((done) => child.once('message', (pid) => done(pid as number)));
const kill = (child: ChildProcess) =>
  new Promise((done) => {
    child.once('exit', done);
    child.kill('SIGKILL');
  });

describe('starting Postgres', () => {
  it('makes the data folder once, and keeps what is in it over a restart', async () => {
    const first = await start();
    await ask(first, 'CREATE TABLE kept AS SELECT 7 AS value');
    await first.stop();
    expect(await ask(await start(), 'SELECT value FROM kept')).toEqual([7]);
  });

  it('serves this machine alone, in UTC, UTF-8, collation C, with logical decoding and bounded slots', async () => {
    const settings = await ask(
      await start(),
      `SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories'), current_setting('TimeZone'),
        current_setting('wal_level'), current_setting('max_slot_wal_keep_size'),
        (SELECT pg_encoding_to_char(encoding) || ' ' || datcollate FROM pg_database WHERE datname = 'postgres')`,
    );
    expect(settings).toEqual(['127.0.0.1', '', 'UTC', 'logical', '4GB', 'UTF8 C']);
  });

  it('asks everybody for the password', async () => {
    const { port } = await start();
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'migsbyu', password: 'wrong', database: 'postgres' });
    await expect(client.connect()).rejects.toMatchObject({ code: '28P01' });
  });

  it('names a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((done) => other.once('listening', done));
    const { port } = other.address() as AddressInfo;
    await expect(start(port)).rejects.toMatchObject({ code: 'port-taken', port });
    other.close();
  });

  it('refuses a data folder whose Postgres is still wanted, and leaves that one alone', async () => {
    const first = await start();
    await expect(start()).rejects.toMatchObject({ code: 'data-folder-in-use', pid: first.pid });
    expect(await ask(first, 'SELECT 1')).toEqual([1]);
  });

  it('stops the orphan of a killed process first', async () => {
    const child = starter();
    const orphan = await message(child);
    await kill(child);
    expect(commandLine(orphan)).toContain(options().dataDir);
    const server = await start();
    expect(commandLine(orphan) ?? []).not.toContain(options().dataDir);
    expect(await ask(server, 'SELECT 1')).toEqual([1]);
  });

  it('starts over the lock file of a dead Postgres whose process id belongs to another process now', async () => {
    const first = await start();
    process.kill(first.pid, 'SIGKILL');
    await first.exited;
    const lock = join(options().dataDir, 'postmaster.pid');
    const [, ...rest] = readFileSync(lock, 'utf8').split('\n');
    writeFileSync(lock, [process.pid, ...rest].join('\n'));
    expect(await ask(await start(), 'SELECT 1')).toEqual([1]);
  });

  it('survives being killed while it makes the folder: nothing half made is used, and nothing is left over', async () => {
    for (const delay of [150, 300, 450, 600]) {
      const child = starter();
      const drafted = Date.now() + delay;
      while (Date.now() < drafted && !existsSync(join(options().dataDir, 'PG_VERSION'))) await sleep(10);
      await kill(child);
    }
    await sleep(1000); // the orphaned initdb ends
    expect(await ask(await start(), 'SELECT 1')).toEqual([1]);
    expect((await readdir(folder)).sort()).toEqual(['pg', 'pg.log']);
  });

  it('refuses a folder with other files in it, and changes nothing there', async () => {
    mkdirSync(options().dataDir);
    writeFileSync(join(options().dataDir, 'thesis.txt'), 'mine');
    await expect(start()).rejects.toMatchObject({ code: 'unusable-data-folder' });
    expect(await readdir(options().dataDir)).toEqual(['thesis.txt']);
  });

  it('refuses the data folder of another major version', async () => {
    mkdirSync(options().dataDir);
    writeFileSync(join(options().dataDir, 'PG_VERSION'), '16\n');
    await expect(start()).rejects.toThrow(/made by Postgres 16/);
  });
});

(process.getuid?.() === 0 ? describe : describe.skip)('as root without user namespaces', () => {
  it('runs as an unprivileged user who owns the folder, also at the next start', async () => {
    const bin = join(folder, 'bin'); // the only command on the PATH is chown
    mkdirSync(bin);
    symlinkSync('/bin/chown', join(bin, 'chown'));
    for (let round = 0; round < 2; round++) {
      const child = starter({ PATH: bin });
      const pid = await message(child);
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).not.toMatch(/^Uid:\s+0\s/m);
      await kill(child);
    }
    expect(await ask(await start(), 'SELECT 1')).toEqual([1]);
  });
});
