/**
 * A disk that is really full, under a projector at work: what it cannot write waits in the source, everybody is told what is
 * wrong, and once there is room again nothing needs to be done.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { Lane } from '../../bench/crashes/lane.js';
import { Service } from '../other-catalog/service.js';

let folder: string;
let database: TestDatabase;
let client: pg.Client;

const mount = (...args: string[]) => spawnSync('mount', args).status === 0;
const probe = join(tmpdir(), `full-disk-probe-${process.pid}`);
mkdirSync(probe);
const canMount = mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', probe);
if (canMount) spawnSync('umount', [probe]);
else process.stderr.write('full-disk.e2e-spec.ts is skipped: this user may not mount a small disk.\n');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'full-disk-'));
  database = await emptyDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.close();
  spawnSync('umount', ['-l', join(folder, 'lake')]);
  await rm(folder, { recursive: true, force: true });
  await rm(probe, { recursive: true, force: true });
});

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

async function ask(url: string, path: string): Promise<{ status: number; body: string }> {
  const answer = await fetch(`${url}${path}`);
  return { status: answer.status, body: await answer.text() };
}

async function until<T>(look: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (holds(found)) return found;
    await sleep(50);
  }
}

/** Whether the source may forget what was written up to a place of its log. */
const isAcknowledged = async (lsn: string): Promise<boolean> => {
  const { rows } = await client.query(
    'SELECT confirmed_flush_lsn >= $1::pg_lsn AS so FROM pg_replication_slots WHERE slot_name = current_database()',
    [lsn],
  );
  return rows[0].so;
};
const logEnd = async (): Promise<string> =>
  (await client.query('SELECT pg_current_wal_insert_lsn()::text AS lsn')).rows[0].lsn;

(canMount ? describe : describe.skip)('a lake whose disk is full', () => {
  it('waits with the source behind it, says so, and goes on by itself when there is room', async () => {
    const disk = join(folder, 'lake');
    mkdirSync(disk);
    expect(mount('-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', disk)).toBe(true);
    const options = { databaseUrl: database.url, name: database.name, folder, resnapshots: false, seed: 3 };
    const lane = await Lane.open({ ...options, pace: { connections: 2, rest: 40 } });
    const projector = lane.start('whole', {});
    const reader = await Service.start('query-api', lane.environment);
    try {
      const url = (await projector.url)!;
      await until(
        () => ask(url, '/health/ready'),
        ({ status }) => status === 200,
      );
      const before = await lane.transactions();
      await until(
        async () => lane.seen,
        (seen) => seen >= before,
      );

      fill(join(disk, 'ballast'));
      const isTold = ({ body }: { body: string }) =>
        /no space left/i.test(body) && body.includes('Free space on the disk of the lake');
      await until(
        () => ask(url, '/health/ready'),
        (ready) => ready.status === 503 && isTold(ready),
      );
      await until(() => ask(url, '/v1/status'), isTold);
      const full = await logEnd();
      const n = await lane.transactions();
      await until(
        () => lane.transactions(),
        (now) => now > n + 20,
      );
      expect(await isAcknowledged(full)).toBe(false);
      expect(lane.seen).toBeLessThan(n);
      const lag = async () => JSON.parse((await ask(reader.url, '/v1/freshness')).body) as { lag_seconds: number };
      await until(lag, ({ lag_seconds }) => lag_seconds > 2);

      unlinkSync(join(disk, 'ballast'));
      await until(
        () => isAcknowledged(full),
        (so) => so,
      );
      const after = await lane.transactions();
      await until(
        async () => lane.seen,
        (seen) => seen >= after,
      );
      await until(
        () => ask(url, '/health/ready'),
        ({ status, body }) => status === 200 && !isTold({ body }),
      );
      await until(lag, ({ lag_seconds }) => lag_seconds < 2);
      await projector.end('SIGTERM');
      expect(await lane.finish()).toMatchObject({
        lost: 0,
        doubled: 0,
        overlapping: 0,
        torn: 0,
        wrong: [],
        snapshots: 1,
      });
    } finally {
      await projector.end('SIGKILL');
      await reader.stop();
      await lane.close();
    }
  }, 120_000);
});
