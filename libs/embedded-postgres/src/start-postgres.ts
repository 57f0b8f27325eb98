import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresHome } from './binaries.js';
import { prepareDataFolder } from './data-folder.js';
import { identityFor, type Identity } from './identity.js';
import { DataFolderInUse, ownerSetting, readPostmaster, stopOrphan, stopPostmaster } from './postmaster.js';

export interface PostgresOptions {
  /** Made at the first start. */
  readonly dataDir: string;
  /** 0 chooses a free one. */
  readonly port: number;
  /** The superuser, and its password at the first start (later a new password does not change the old one). */
  readonly user: string;
  readonly password: string;
  /** Settings of postgresql.conf beyond, or instead of, the ones given here. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Default: beside the data folder, `<dataDir>.log`. */
  readonly logFile?: string;
}

export interface Postgres {
  readonly pid: number;
  readonly port: number;
  url(database: string): string;
  /** Resolves when the server is down; may be called again. */
  stop(): Promise<void>;
  /** Resolves when the server has ended, by `stop` or by itself. */
  readonly exited: Promise<void>;
}

export class PortTaken extends Error {
  readonly code = 'port-taken';
  constructor(readonly port: number) {
    super(`Port ${port} on 127.0.0.1 is taken by another program. Stop it, or choose another port for Postgres.`);
    this.name = 'PortTaken';
  }
}

export class PostgresDidNotStart extends Error {
  readonly code = 'postgres-did-not-start';
  constructor(
    readonly logFile: string,
    readonly output: string,
  ) {
    super(`Postgres ended while starting. Its log ${logFile} says: ${output}`);
    this.name = 'PostgresDidNotStart';
  }
}

/** Backends of a killed postmaster are still there: Postgres refuses until they have noticed, which takes moments. */
const LINGERING = /pre-existing shared memory block/;
const LINGERING_TRIES = 50;
const PORT_TRIES = 10;
/** After this many milliseconds a shutdown that waits for somebody becomes a crash, which loses nothing committed. */
const FAST_SHUTDOWN = 20_000;

const defaults = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  wal_level: 'logical',
  // a reader that never comes back must not fill the disk; its slot is then invalidated, which it is told
  max_slot_wal_keep_size: '4GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // the DETAIL of a violation holds the whole row
  log_error_verbosity: 'terse',
};

/**
 * Starts Postgres on a data folder, reachable from this machine alone; resolves when it takes connections. It outlives
 * this process if that is killed; the next start on the folder then stops it first.
 * @throws PortTaken, DataFolderInUse, UnusableDataFolder, UnsupportedPlatform, PostgresDidNotStart
 */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const home = postgresHome();
  const folder = resolve(options.dataDir);
  mkdirSync(dirname(folder), { recursive: true });
  // its one true path, since running servers are recognised by it
  const dataDir = join(realpathSync(dirname(folder)), basename(folder));
  const as = identityFor(dataDir);
  await prepareDataFolder(dataDir, home, as, options);
  await stopOrphan(dataDir, home);
  const logFile = resolve(options.logFile ?? `${dataDir}.log`);
  mkdirSync(dirname(logFile), { recursive: true });
  const launch = { home, dataDir, as, logFile, settings: { ...defaults, ...options.settings } };
  const { server, port } = await startOnPort(launch, options.port);
  return describe(server, port, launch, options);
}

interface Launch {
  readonly home: string;
  readonly dataDir: string;
  readonly as: Identity;
  readonly logFile: string;
  readonly settings: Readonly<Record<string, string | number>>;
}

function describe(server: ChildProcess, port: number, launch: Launch, { user, password }: PostgresOptions): Postgres {
  const pid = server.pid!;
  const exited = new Promise<void>((done) => server.once('exit', () => done()));
  return {
    pid,
    port,
    exited,
    url: (database) =>
      `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@127.0.0.1:${port}/${encodeURIComponent(database)}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      await stopPostmaster(pid, launch.dataDir, launch.home);
      const impatience = setTimeout(() => server.kill('SIGQUIT'), FAST_SHUTDOWN);
      await exited;
      clearTimeout(impatience);
    },
  };
}

async function startOnPort(launch: Launch, wanted: number): Promise<{ server: ChildProcess; port: number }> {
  for (let tries = 1; ; tries++) {
    const port = wanted === 0 ? await freePort() : wanted;
    try {
      return { server: await startServer(launch, port), port };
    } catch (error) {
      // a free port may be taken between being found and being used
      if (!(error instanceof PortTaken) || wanted !== 0 || tries === PORT_TRIES) throw error;
    }
  }
}

async function startServer(launch: Launch, port: number): Promise<ChildProcess> {
  for (let tries = 1; ; tries++) {
    const logged = statSync(launch.logFile, { throwIfNoEntry: false })?.size ?? 0;
    const server = spawnServer(launch, port);
    if (await isReady(server, launch.dataDir)) return server;
    const output = readFileSync(launch.logFile).subarray(logged).toString('utf8').trim();
    if (LINGERING.test(output) && tries < LINGERING_TRIES) await sleep(100);
    else throw startError(launch, port, output);
  }
}

function spawnServer({ home, dataDir, as, logFile, settings }: Launch, port: number): ChildProcess {
  const set = [...Object.entries(settings).map(([name, value]) => `${name}=${value}`), ownerSetting()];
  const server = ['-D', dataDir, '-p', String(port), ...set.flatMap((setting) => ['-c', setting])];
  const [command, args] = as.command(join(home, 'bin', 'postgres'), server);
  const log = openSync(logFile, 'a', 0o600);
  try {
    // in a process group of its own: a terminal's Ctrl-C must not reach it before its users have drained
    const child = spawn(command, args, {
      ...as.ids,
      cwd: '/',
      detached: true,
      windowsHide: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, LC_ALL: 'C' },
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** False if the server ended first. */
async function isReady(server: ChildProcess, dataDir: string): Promise<boolean> {
  let failure: Error | undefined;
  server.once('error', (error) => (failure = error));
  for (;;) {
    if (failure) throw failure;
    if (server.exitCode !== null || server.signalCode !== null) return false;
    const postmaster = readPostmaster(dataDir);
    if (postmaster?.pid === server.pid && postmaster?.ready) return true;
    await sleep(10);
  }
}

function startError({ dataDir, logFile }: Launch, port: number, output: string): Error {
  if (/could not bind|Address already in use/.test(output)) return new PortTaken(port);
  const other =
    /another postmaster \(PID (\d+)\) running/.exec(output) ?? /Is another postgres \(PID (\d+)\)/.exec(output);
  return other ? new DataFolderInUse(dataDir, Number(other[1])) : new PostgresDidNotStart(logFile, output);
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => done(port));
    });
  });
}
