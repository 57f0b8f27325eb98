/**
 * Two projectors of one lake and source, in processes of their own. One that is stopped without knowing it, for longer than
 * the other needs to take over, wakes up in the middle of its work, and must not write a line more.
 */
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, it } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { Lane } from '../../bench/crashes/lane.js';
import type { Form, ProjectorProcess } from '../../bench/crashes/projector-process.js';

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

function start(failpoints: Record<string, string> = {}, form: Form = 'whole'): ProjectorProcess {
  const projector = lane.start(form, failpoints);
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

async function untilReadinessSays(projector: ProjectorProcess, words: string): Promise<void> {
  for (;;) {
    const ready = await fetch(`${await projector.url}/health/ready`);
    if (ready.status === 503 && (await ready.text()).includes(words)) return;
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
    const log = join(folder, 'steps.log');
    const steps = ['file.before-rename:_watermark.json=pause@2', 'fold.before-commit=pause@6'];
    const last = 'commit.before-link:changelog=pause@30';
    const patient = { FOLD_CHANGES: '100000' }; // or the fold that waits would hold the appends back
    const first = start({ FAILPOINTS: [...steps, last].join(','), FAILPOINTS_LOG: log, ...patient });
    await until(first, 'streaming');
    const second = start();
    await until(second, 'standby');
    // it stands before three writes at once: a watermark's rename, a fold's commit, and an append's
    const held = ['file.before-rename', 'fold.before-commit', 'commit.before-link'];
    const reached = async () => readFile(log, 'utf8').catch(() => '');
    while (!(await reached().then((lines) => held.every((step) => lines.includes(`"${step}"`))))) await sleep(20);
    first.signal('SIGSTOP');
    await until(second, 'streaming');
    await untilAllIsSeen();
    second.signal('SIGSTOP'); // or it would mend at once what the first one breaks
    const watermark = await readFile(join(folder, database.name, 'lake', '_watermark.json'), 'utf8');
    for (const step of held) await writeFile(`${log}.${step}`, '');
    first.signal('SIGCONT');
    await untilReadinessSays(first, 'this one waits as its standby');
    expect(await readFile(join(folder, database.name, 'lake', '_watermark.json'), 'utf8')).toBe(watermark);
    second.signal('SIGCONT');
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

describe('a projector that was stopped while it took the first snapshot', () => {
  /** Stands at each of `steps` until it is let go. Without a sign of life for so long, its connections end. */
  function slim(name: string, ...steps: string[]) {
    const log = join(folder, `${database.name}-${name}.log`);
    const failpoints = steps.map((step) => `${step}=pause@1`).join(',');
    const held = { FAILPOINTS: failpoints, FAILPOINTS_LOG: log };
    const projector = start({ SILENCE: '1000', ...(steps.length > 0 && held) }, 'slim');
    const letGo = () => Promise.all(steps.map((step) => writeFile(`${log}.${step}`, '')));
    return { projector, reached: () => untilThere(log), letGo };
  }

  async function untilThere(path: string): Promise<void> {
    while (!existsSync(path)) await sleep(20);
  }

  it.each([
    ['reads its rows', 'snapshot.rows'],
    ['has read them all', 'snapshot.before-commit'],
    ['is about to commit it', 'append.before-commit'],
  ])(
    'and %s holds no standby off, and writes nothing when it goes on',
    async (_, step) => {
      const first = slim('first', step);
      await first.reached();
      first.projector.signal('SIGSTOP');
      const second = slim('second', 'snapshot.before-commit'); // the slot is its own; nothing of its snapshot is committed
      await second.reached();
      await first.letGo();
      first.projector.signal('SIGCONT');
      // it has found that the slot is another one's
      while (!/standby|retry/.test(first.projector.said.join(''))) await sleep(20);
      await second.letGo();
      await untilAllIsSeen();
      await second.projector.end('SIGKILL');
      await untilAllIsSeen();
      await first.projector.end('SIGKILL');
      expect(await lane.finish()).toMatchObject(clean);
    },
    120_000,
  );
});
