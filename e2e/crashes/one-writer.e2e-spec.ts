/**
 * Two projectors of one lake and source, in processes of their own. One that is stopped without knowing it, for longer than
 * the other needs to take over, wakes up in the middle of its work, and must not write a line more.
 */
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { Lane } from '../../bench/crashes/lane.js';
import type { ProjectorProcess } from '../../bench/crashes/projector-process.js';

let folder: string;
let database: TestDatabase;
let lane: Lane;
const projectors: ProjectorProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'one-writer-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  database = await emptyDatabase();
  const at = join(folder, database.name);
  const options = { databaseUrl: database.url, name: database.name, folder: at, resnapshots: false, seed: 7 };
  lane = await Lane.open({ ...options, pace: { connections: 2, rest: 40 } });
});
afterEach(async () => {
  await Promise.all(projectors.splice(0).map((projector) => projector.end('SIGKILL')));
  await lane.close();
  await database.close();
});

function start(failpoints: Record<string, string> = {}): ProjectorProcess {
  const projector = lane.start('whole', failpoints);
  projectors.push(projector);
  return projector;
}

async function stateOf(projector: ProjectorProcess): Promise<{ state: string; error: string | null }> {
  return (await (await fetch(`${await projector.url}/v1/status`)).json()) as { state: string; error: string | null };
}

async function until(projector: ProjectorProcess, state: string) {
  for (;;) {
    const status = await stateOf(projector);
    if (status.state === state) return status;
    if (status.state === 'park') throw new Error(`It gave up: ${status.error}`);
    await sleep(50);
  }
}

/** Everything that is written now is seen by a reader. */
async function untilAllIsSeen(): Promise<void> {
  const n = await lane.transactions();
  while (lane.seen < n) await sleep(20);
}

async function eventually(query: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    while (!(await client.query(`SELECT ${query} AS holds`)).rows[0].holds) await sleep(20);
  } finally {
    await client.end();
  }
}

const clean = { lost: 0, doubled: 0, overlapping: 0, torn: 0, wrong: [], snapshots: 1 };

describe('a projector that was stopped, and replaced', () => {
  it('writes nothing when it goes on, waits as the standby, and takes over when its successor has gone', async () => {
    const first = start();
    await until(first, 'streaming');
    const second = start();
    await until(second, 'standby');
    first.signal('SIGSTOP');
    await until(second, 'streaming');
    await untilAllIsSeen();
    first.signal('SIGCONT');
    const { error } = await until(first, 'standby');
    expect(error).toMatch(/in use by another reader|was committed by another writer/);
    const ready = await fetch(`${await first.url}/health/ready`);
    expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining('standby')]);
    await untilAllIsSeen();
    await second.end('SIGKILL');
    await until(first, 'streaming');
    await untilAllIsSeen();
    await first.end('SIGKILL');
    expect(await lane.finish()).toMatchObject(clean);
  }, 120_000);
});

describe('a projector that is killed while another one waits for it', () => {
  it('is replaced by that one, which goes on from what the lake is by then', async () => {
    const first = start();
    await until(first, 'streaming');
    const second = start();
    // it has opened the lake; whatever the first one does from here on, it does not know
    await eventually(`EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
      AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid())`);
    await untilAllIsSeen();
    await first.end('SIGKILL');
    await until(second, 'streaming');
    await untilAllIsSeen();
    await second.end('SIGKILL');
    expect(await lane.finish()).toMatchObject(clean);
  }, 120_000);
});
