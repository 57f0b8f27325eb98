import { isRunning } from '#libs/running-process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { anyPorts, gone, Product, Run, services } from './product.js';

const products: Product[] = [];
const servers: Server[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const product of products.splice(0)) await product.discard();
  for (const server of servers.splice(0)) server.close();
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function start(environment: Record<string, string> = {}): Promise<Product> {
  const product = await Product.start(environment);
  products.push(product);
  return product;
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'start-'));
  folders.push(folder);
  return folder;
}

const register = (product: Product, id: string) =>
  fetch(`${product.url}/api/commands/v1/students`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id, first_name: 'Ada', last_name: 'King', date_of_birth: '2004-12-10', year_of_study: 2 }),
  });

const read = async (product: Product, id: string) =>
  (await fetch(`${product.url}/api/commands/v1/students/${id}`)).status;

/** Runs to the end: its exit code and what it said to the terminal's error stream. */
async function refused(dataDir: string, environment: Record<string, string> = {}) {
  const run = new Run(dataDir, environment);
  const code = await run.ended;
  return { code, errors: run.errors };
}

async function reset(dataDir: string, ...args: string[]) {
  const child = spawn(process.execPath, ['tools/reset.mjs', ...args], {
    env: { ...process.env, DATA_DIR: dataDir },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  const [code] = (await once(child, 'close')) as [number];
  return { code, errors: errors.trim() };
}

/** Everything that a page refers to, as a browser would resolve it. */
async function linksOf(page: string): Promise<URL[]> {
  const html = await (await fetch(page)).text();
  return [...html.matchAll(/(?:href|src)="([^"#]+)"/g)].map(([, address]) => new URL(address!, page));
}

describe('the running product', () => {
  let product: Product;
  beforeAll(async () => {
    product = await Product.start();
  });
  afterAll(() => product.discard());

  it('is one address, told once, under which everything is ready', async () => {
    const told = product.run.lines.filter((line) => line.includes('http://'));
    expect(told).toEqual([`MigsbyU is ready: http://localhost:${new URL(product.url).port}`]);
    const ready = (await (await fetch(`${product.url}/health/ready`)).json()) as { checks: { status: string }[] };
    expect(ready.checks.map(({ status }) => status)).toEqual(['up', 'up', 'up']);
  });

  it('leads from its first page to documents that are whole', async () => {
    const links = await linksOf(`${product.url}/`);
    expect(links.map((link) => link.pathname)).toEqual([
      '/api/commands/docs',
      '/api/queries/docs',
      '/api/projector/docs',
      '/api/openapi.json',
      '/health/ready',
    ]);
    for (const page of links.slice(0, 3)) {
      const parts = await linksOf(page.href);
      expect(parts.length).toBeGreaterThan(2);
      for (const part of parts) expect([part.href, (await fetch(part)).status]).toEqual([part.href, 200]);
    }
  });

  it('publishes one document: every operation has a name of its own, and every reference leads somewhere', async () => {
    const text = await (await fetch(`${product.url}/api/openapi.json`)).text();
    const document = JSON.parse(text) as {
      paths: Record<string, Record<string, { operationId?: string }>>;
      components: Record<string, Record<string, unknown>>;
    };
    expect(Object.keys(document.paths)).toEqual(
      expect.arrayContaining([
        '/api/commands/v1/students/{id}',
        '/api/queries/v1/dimensions/students/{id}',
        '/api/projector/health/ready',
      ]),
    );
    const operations = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map((one) => one.operationId),
    );
    expect(operations.filter((id, i) => operations.indexOf(id) !== i)).toEqual([]);
    const components = Object.entries(document.components).flatMap(([section, entries]) =>
      Object.keys(entries).map((name) => `#/components/${section}/${name}`),
    );
    const references = [...text.matchAll(/"(#\/components\/[^"]+)"/g)].map(([, reference]) => reference!);
    expect(references.filter((reference) => !components.includes(reference))).toEqual([]);
  });

  it('restarts a service that dies, and answers 503 in between', async () => {
    for (const service of services) await product.kill(service);
    const down = await read(product, 'A1');
    expect([404, 503]).toContain(down);
    while ((await fetch(`${product.url}/health/ready`)).status !== 200) await sleep(50);
    expect(await read(product, 'A1')).toBe(404);
    expect(product.run.lines).toEqual(
      expect.arrayContaining(services.map((service) => `${service} ended (SIGKILL); it starts again in 0.5 s.`)),
    );
  });

  it('is not disturbed by a second start on its folder, which is told who runs there', async () => {
    const { code, errors } = await refused(product.dataDir);
    expect(code).toBe(1);
    expect(errors).toEqual([
      `MigsbyU is running on ${product.dataDir} already (process ${product.run.child.pid}). ` +
        'Use that one or stop it; DATA_DIR names another folder for a second one.',
    ]);
    expect((await fetch(`${product.url}/health/ready`)).status).toBe(200);
  });

  it('is not deleted by a reset while it runs', async () => {
    const { code, errors } = await reset(product.dataDir, '--yes');
    expect(code).toBe(1);
    expect(errors).toMatch(/^MigsbyU is running on .* already \(process \d+\)\./);
    expect((await fetch(`${product.url}/health/ready`)).status).toBe(200);
  });
});

describe('a stopped product', () => {
  it('goes on with what it knows after Ctrl-C, which leaves no process and no lock behind', async () => {
    const product = await start();
    expect((await register(product, 'A1')).status).toBe(201);
    const processes = product.run.processes();
    expect(await product.stop()).toBe(0);
    expect(processes.filter(isRunning)).toEqual([]);
    expect(existsSync(join(product.dataDir, 'standalone.lock'))).toBe(false);
    expect(readFileSync(join(product.dataDir, 'postgres.log'), 'utf8')).toMatch(/database system is shut down\s*$/);
    await product.startAgain();
    expect(await read(product, 'A1')).toBe(200);
  });

  it('stops in order although npm hands on a Ctrl-C that came already', async () => {
    const product = await start();
    product.run.child.kill('SIGINT');
    expect(await product.stop()).toBe(0);
  });

  it('stops at once at the second Ctrl-C, and the next start repairs that', async () => {
    const product = await start();
    expect((await register(product, 'A1')).status).toBe(201);
    const processes = product.run.processes();
    process.kill(product.run.pidOf('command-api'), 'SIGSTOP'); // so that it cannot stop by itself
    product.run.child.kill('SIGINT');
    await sleep(1_200); // a second one that comes at once is npm's
    expect(await product.stop()).toBe(130);
    await gone(processes);
    await product.startAgain();
    expect(await read(product, 'A1')).toBe(200);
  });

  it('that is killed takes its services along, and the next start stops the Postgres that stayed', async () => {
    const product = await start();
    expect((await register(product, 'A1')).status).toBe(201);
    const orphan = product.run.postgresPid();
    const [parent, postgres, ...others] = product.run.processes();
    process.kill(product.run.child.pid!, 'SIGKILL');
    await gone([parent!]);
    await product.startAgain();
    expect(others.filter(isRunning)).toEqual([]);
    expect(isRunning(postgres!)).toBe(false);
    expect(product.run.postgresPid()).not.toBe(orphan);
    expect(await read(product, 'A1')).toBe(200);
  });

  it('whose database is replaced begins a new epoch by itself, and keeps the history', async () => {
    const product = await start();
    const tokenOf = (answer: Response) => answer.headers.get('consistency-token')!;
    const history = async (token: string) => {
      const path = '/api/queries/v1/dimensions/students/A1/history?wait=10';
      const answer = await fetch(product.url + path, { headers: { 'consistency-token': token } });
      return ((await answer.json()) as { data: object[] }).data;
    };
    const [version] = await history(tokenOf(await register(product, 'A1')));
    await product.stop();
    await rm(join(product.dataDir, 'postgres'), { recursive: true });
    await product.startAgain();
    expect(await read(product, 'A1')).toBe(404);
    const closed = { ...version, valid_to: expect.any(String), closed_tx: expect.any(Number), is_current: false };
    expect(await history(tokenOf(await register(product, 'B2')))).toEqual([closed]);
  });

  it('is reset after a kill, although its Postgres runs on; without --yes nobody is asked and nothing deleted', async () => {
    const product = await start();
    const processes = product.run.processes();
    process.kill(product.run.child.pid!, 'SIGKILL');
    await product.run.ended;
    const asked = await reset(product.dataDir);
    expect([asked.code, asked.errors]).toEqual([1, expect.stringMatching(/^This would delete .*: add --yes\.$/)]);
    expect(existsSync(join(product.dataDir, 'postgres', 'PG_VERSION'))).toBe(true);
    expect(await reset(product.dataDir, '--yes')).toEqual({ code: 0, errors: '' });
    expect(existsSync(product.dataDir)).toBe(false);
    expect(processes.filter(isRunning)).toEqual([]);
  });
});

describe('a start that cannot be', () => {
  async function takenPort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  it.each(['PORT', 'COMMAND_API_PORT', 'QUERY_API_PORT', 'PROJECTOR_PORT', 'POSTGRES_PORT'])(
    'says in one sentence that %s is taken, and leaves nothing running',
    async (variable) => {
      const [folder, port] = [await newFolder(), await takenPort()];
      const { code, errors } = await refused(join(folder, 'data'), { [variable]: String(port) });
      expect(code).toBe(1);
      expect(errors).toEqual([
        expect.stringMatching(new RegExp(`^Port ${port} .*is taken by another program\\. .*${variable}`)),
      ]);
      expect(existsSync(join(folder, 'data', 'standalone.lock'))).toBe(false);
      expect(existsSync(join(folder, 'data', 'postgres', 'postmaster.pid'))).toBe(false);
    },
  );

  it('says that the data folder is a file', async () => {
    const file = join(await newFolder(), 'data');
    writeFileSync(file, 'mine');
    const { code, errors } = await refused(file);
    expect(code).toBe(1);
    expect(errors).toEqual([`${file} is no folder. Move that file away, or set DATA_DIR to another folder.`]);
    expect(readFileSync(file, 'utf8')).toBe('mine');
  });

  it('names every variable that is wrong, what it is and what it should be', async () => {
    const { code, errors } = await refused(await newFolder(), { PORT: 'eighty', PROJECTOR_PORT: '70000' });
    expect(code).toBe(1);
    expect(errors).toEqual([
      'PORT is "eighty"; wanted is a whole number from 0 to 65535.',
      'PROJECTOR_PORT is "70000"; wanted is a whole number from 0 to 65535.',
    ]);
  });

  it('refuses to be open to the network without authentication', async () => {
    const { code, errors } = await refused(await newFolder(), { HOST: '0.0.0.0' });
    expect(code).toBe(1);
    expect(errors).toEqual([expect.stringMatching(/^HOST is "0\.0\.0\.0"; wanted is .*INSECURE=yes/)]);
  });
});

describe('npm start', () => {
  /** tools/ alone in a folder, run by a Node that says it is another version. */
  async function startWith(version: string, prepare: (folder: string) => void = () => {}) {
    const folder = await newFolder();
    cpSync('tools', join(folder, 'tools'), { recursive: true });
    prepare(folder);
    const pretence = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`;
    const preload = `data:text/javascript,${encodeURIComponent(pretence)}`;
    const child = spawn(process.execPath, ['--import', preload, join(folder, 'tools', 'start.mjs')]);
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
    const [code] = (await once(child, 'close')) as [number];
    return { code, errors: errors.trim() };
  }

  const installed = (folder: string) => {
    mkdirSync(join(folder, 'node_modules'));
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), '{}');
  };

  it('runs the product until npm is told to stop', async () => {
    const dataDir = join(await newFolder(), 'data');
    const npm = spawn('npm', ['start'], { env: { ...process.env, ...anyPorts, DATA_DIR: dataDir }, stdio: 'pipe' });
    const lines = createInterface({ input: npm.stdout });
    for await (const line of lines) if (line.startsWith('MigsbyU is ready')) break;
    const lock = readFileSync(join(dataDir, 'standalone.lock'), 'utf8');
    expect(isRunning(lock)).toBe(true);
    npm.kill('SIGTERM');
    await gone([lock]);
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false);
  });

  it('says that the packages are not installed', async () => {
    const { code, errors } = await startWith('20.11.0');
    expect([code, errors]).toEqual([1, 'The packages are not installed yet. Run this first: npm ci']);
  });

  it('says that Node is too old to begin with', async () => {
    const { code, errors } = await startWith('18.19.0', installed);
    expect(code).toBe(1);
    expect(errors).toMatch(/^MigsbyU needs Node 20 or newer, and this is Node 18\.19\.0 on .*nodejs\.org$/);
  });

  it('says that the Node which npm brings along is missing', async () => {
    const { code, errors } = await startWith('20.11.0', installed);
    expect(code).toBe(1);
    expect(errors).toMatch(/npm ci --include=optional$|needs Node 24 or newer here, and this is Node 20\.11\.0/);
  });
});
