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
  if (!process.env['NAMESPACE'] && spawnSync('mount', [...small, at]).status === 0) {
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

async function waitsAndGoesOn(at: string, disk: Disk): Promise<void> {
  const database: TestDatabase = await emptyDatabase();
  left.push(() => database.close());
  const options = { databaseUrl: database.url, name: database.name, folder: at, resnapshots: false, seed: 3 };
  const lane = await Lane.open({ ...options, pace: { connections: 2, rest: 40 } });
  left.push(() => lane.close());
  const reader = await Service.start('query-api', lane.environment);
  left.push(() => reader.stop());
  const episode = FullDiskEpisode.run(lane, disk, 2);
  episode.catch(() => {}); // told below
  const lag = async () =>
    ((await (await fetch(`${reader.url}/v1/freshness`)).json()) as { lag_seconds: number }).lag_seconds;
  let most = 0;
  for (let over = false; !over;) {
    over = await Promise.race([episode.then(() => true), new Promise<false>((tell) => setTimeout(tell, 100, false))]);
    most = Math.max(most, await lag());
  }
  const { waited, wrong } = await episode;
  expect(wrong).toEqual([]);
  expect(waited).toBeGreaterThan(20);
  expect(most).toBeGreaterThan(2);
  const clean = { lost: 0, doubled: 0, overlapping: 0, torn: 0, wrong: [], snapshots: 1 };
  expect(await lane.finish()).toMatchObject(clean);
}

it('that fails at every write waits with the source behind it, says so, and goes on by itself when there is room', async () => {
  const at = join(folder, 'failing');
  mkdirSync(at);
  await waitsAndGoesOn(at, failingDisk(at));
}, 120_000);

it('that is really full waits with the source behind it, says so, and goes on by itself when there is room', async () => {
  const disk = await smallDisk();
  if (!disk) return void process.stderr.write('No small disk may be mounted here: one that fails was tried alone.\n');
  const ballast = join(disk, 'ballast');
  await waitsAndGoesOn(disk, { environment: {}, fill: () => fill(ballast), free: () => unlinkSync(ballast) });
}, 120_000);
