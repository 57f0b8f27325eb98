/**
 * A lake whose disk is full while changes go on. A real disk is tried where this user may mount a small one, be it in a
 * namespace of his own; a disk whose every write fails is tried everywhere.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { failingDisk, FullDiskEpisode, type Disk } from '../../bench/crashes/full-disk.js';
import { Lane } from '../../bench/crashes/lane.js';
import { Service } from '../other-catalog/service.js';

let folder: string;
const left: (() => Promise<unknown>)[] = [];

beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'full-disk-'))));
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const undo of left.splice(0).reverse()) await undo();
});

const small = ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs'];

/** A path of a small disk: mounted here, or in a namespace that lasts as long as a process of it; null where neither may be. */
async function smallDisk(): Promise<string | null> {
  const at = join(folder, 'disk');
  mkdirSync(at, { recursive: true });
  if (spawnSync('mount', [...small, at]).status === 0) {
    left.push(async () => spawnSync('umount', ['-l', at]));
    return at;
  }
  const args = ['-rm', 'sh', '-c', `mount ${small.join(' ')} ${at} && echo mounted && exec sleep 600`];
  const holder: ChildProcess = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = once(holder, 'close');
  const mounted = once(holder.stdout!, 'data').then(() => true);
  left.push(async () => holder.kill('SIGKILL'));
  const isMounted = await Promise.race([
    mounted,
    ended.then(
      () => false,
      () => false,
    ),
  ]);
  return isMounted ? `/proc/${holder.pid}/root${at}` : null;
}

/** Takes all that is left. */
function fill(path: string): void {
  writeFileSync(path, '');
  for (let size = 1 << 20; size >= 1; size >>= 1)
    try {
      for (;;) appendFileSync(path, Buffer.alloc(size));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
}

interface Tried {
  readonly lake: string;
  readonly disk: Disk;
}

function failing(): Promise<Tried> {
  return Promise.resolve({ lake: join(folder, 'lake'), disk: failingDisk(folder) });
}

async function real(): Promise<Tried | null> {
  const at = await smallDisk();
  if (!at) return null;
  const ballast = join(at, 'ballast');
  const disk = { environment: {}, fill: () => fill(ballast), free: () => unlinkSync(ballast) };
  return { lake: join(at, 'lake'), disk };
}

/** What came of it, and by how many seconds a reader said that it lags meanwhile. */
async function outcomeOf({ lake, disk }: Tried) {
  const database: TestDatabase = await emptyDatabase();
  left.push(() => database.close());
  const options = { databaseUrl: database.url, name: database.name, folder, lake, resnapshots: false, seed: 3 };
  const lane = await Lane.open({ ...options, pace: { connections: 2, rest: 40 } });
  left.push(() => lane.close());
  const reader = await Service.start('query-api', lane.environment);
  left.push(() => reader.stop());
  const episode = FullDiskEpisode.run(lane, disk, 2);
  episode.catch(() => {}); // told below
  let lag = 0;
  for (let over = false; !over;) {
    over = await Promise.race([episode.then(() => true), new Promise<false>((tell) => setTimeout(tell, 100, false))]);
    const freshness = await (await fetch(`${reader.url}/v1/freshness`)).json();
    lag = Math.max(lag, (freshness as { lag_seconds: number }).lag_seconds);
  }
  return { ...(await episode), lag, verdict: await lane.finish() };
}

it.each([
  ['fails at every write', failing],
  ['is really full', real],
])(
  'a disk that %s leaves changes in the source, says what is wrong, and needs no one when there is room again',
  async (_, prepare) => {
    const tried = await prepare();
    if (!tried)
      return void process.stderr.write('No small disk may be mounted here: one that fails was tried alone.\n');
    const { waited, wrong, lag, verdict } = await outcomeOf(tried);
    expect({ wrong, verdict }).toMatchObject({
      ...{ wrong: [], verdict: { lost: 0, doubled: 0, overlapping: 0, torn: 0, wrong: [], snapshots: 1 } },
    });
    expect(waited).toBeGreaterThan(20);
    expect(lag).toBeGreaterThan(2);
  },
  120_000,
);
