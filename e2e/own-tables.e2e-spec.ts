/** The page on the engine alone, run as its reader runs it: its files, its settings, its SQL, its questions, its answers. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';

const root = fileURLToPath(new URL('../', import.meta.url));
const page = readFileSync(join(root, 'docs/own-tables/README.md'), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language, text]) => ({ language, text: text! }));
const blocksIn = (language: string) => blocks.filter((block) => block.language === language).map(({ text }) => text);

/** What the page exports before it starts a service; it comes to stand in others' places here. */
const settings = Object.fromEntries(
  blocksIn('sh').flatMap((text) => [...text.matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name, value]) => [name!, value!])),
);
const questions = [...page.matchAll(/^curl -s 'http:\/\/127\.0\.0\.1:9602(\S+)'\n```\n\n```json\n([^]*?)^```$/gm)];

describe('The engine on tables of another domain', () => {
  let database: TestDatabase;
  let folder: string;
  const services: ChildProcess[] = [];

  async function start(role: string): Promise<string> {
    const own = { DATABASE_URL: database.url, REPLICATION_SLOT: database.name, LAKE_URL: `file://${folder}/lake` };
    const env = { ...process.env, ...settings, ...own, ROLE: role, PORT: '0', LOG_LEVEL: 'warn' };
    const service = fork(join(root, 'tools/role.mjs'), { cwd: root, env, execArgv: [] });
    services.push(service);
    const [{ port }] = (await once(service, 'message')) as [{ port: number }];
    return `http://127.0.0.1:${port}`;
  }

  beforeAll(async () => {
    database = await emptyDatabase();
    folder = await mkdtemp(join(tmpdir(), 'own-tables-'));
  });
  afterAll(async () => {
    const ended = services.map((service) => service.exitCode ?? once(service, 'exit'));
    for (const service of services) service.kill();
    await Promise.all(ended);
    await rm(folder, { recursive: true, force: true });
  });

  it('answers as the page says', async () => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(readFileSync(join(root, 'docs/own-tables/tables.sql'), 'utf8'));
    const [projector, queries] = [await start('projector'), await start('query-api')];
    while ((await fetch(`${projector}/health/ready`)).status !== 200) await sleep(50);
    const [sql] = blocksIn('sql');
    for (const statement of sql!.trim().split(/(?<=;)\n/)) await client.query(statement);
    await client.end();

    await untilAllIsSeen(queries);

    expect(questions.length).toBe(2);
    for (const [, path, answer] of questions)
      expect(timeless(await (await fetch(`${queries}${path!}`)).text())).toEqual(timeless(answer!));
    const documented = (await (await fetch(`${queries}/openapi.json`)).json()) as { paths: object };
    expect(Object.keys(documented.paths)).toEqual(
      expect.arrayContaining(['/v1/relationships/stock/{sku}/{warehouse}']),
    );
  });
});

/** Resolves when the query API shows the last change that the page makes. */
async function untilAllIsSeen(queries: string): Promise<void> {
  for (let seen = 0; seen < 8; await sleep(20)) {
    const answer = await fetch(`${queries}/v1/dimensions/products?limit=1`);
    seen = ((await answer.json()) as { as_of?: { position: number } }).as_of?.position ?? 0;
  }
}

const timeless = (json: string): unknown => JSON.parse(json.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'then'));
