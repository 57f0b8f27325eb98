/**
 * A disk that is full for a while, under a projector at work: what it cannot write waits in the source, everybody is told
 * what is wrong and what to do, and once there is room again nothing needs to be done.
 */
import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { FailpointName } from '#libs/failpoints';
import type { Lane } from './lane.js';
import type { ProjectorProcess } from './projector-process.js';

export interface Disk {
  /** Of the projector. */
  readonly environment: Readonly<Record<string, string>>;
  fill(): void;
  free(): void;
}

/** Between them all that is written to the lake. */
const writes: readonly FailpointName[] = ['data-file.before-sync', 'commit.before-link', 'file.before-rename'];

/** One that nobody needs to mount: each step that writes fails as it does on a full disk. */
export function failingDisk(folder: string): Disk {
  const log = join(folder, 'full-disk.log');
  const off = writes.map((step) => `${log}.${step}`);
  const free = () => off.forEach((path) => writeFileSync(path, ''));
  free();
  return {
    environment: { FAILPOINTS: writes.map((step) => `${step}=ENOSPC`).join(','), FAILPOINTS_LOG: log },
    fill: () => off.forEach((path) => rmSync(path)),
    free,
  };
}

export interface FullDisk {
  /** Transactions that were committed while it was full, and that nobody could see. */
  readonly waited: number;
  readonly wrong: readonly string[];
}

/** Seconds that anything may take to come about. */
const patience = 60;

async function until<T>(look: () => Promise<T>, holds: (found: T) => boolean, wanted: string): Promise<T> {
  for (const deadline = Date.now() + patience * 1000; ;) {
    const found = await look();
    if (holds(found)) return found;
    if (Date.now() > deadline) throw new Error(`Within ${patience} s ${wanted} did not come: ${JSON.stringify(found)}`);
    await sleep(50);
  }
}

async function ask(url: string, path: string): Promise<{ status: number; body: string }> {
  const answer = await fetch(`${url}${path}`);
  return { status: answer.status, body: await answer.text() };
}

const isTold = ({ body }: { body: string }): boolean =>
  /no space left/i.test(body) && body.includes('Free space on the disk of the lake');

export class FullDiskEpisode {
  private constructor(
    private readonly lane: Lane,
    private readonly projector: ProjectorProcess,
    private readonly source: pg.Client,
  ) {}

  /** `seconds`: for how long it stays full, at least, and until some transactions wait. The lane is finished afterwards. */
  static async run(lane: Lane, disk: Disk, seconds: number): Promise<FullDisk> {
    const source = new pg.Client({ connectionString: lane.environment['DATABASE_URL']! });
    await source.connect();
    const projector = lane.start('whole', disk.environment);
    try {
      return await new FullDiskEpisode(lane, projector, source).live(disk, seconds);
    } finally {
      await projector.end('SIGKILL');
      await source.end();
    }
  }

  private async live(disk: Disk, seconds: number): Promise<FullDisk> {
    await this.isReady();
    await this.isAllSeen();
    disk.fill();
    await until(
      () => this.ready(),
      (ready) => ready.status === 503 && isTold(ready),
      'word of the full disk in /health/ready',
    );
    await until(() => this.ask('/v1/status'), isTold, 'word of the full disk in /v1/status');
    const full = await this.logEnd();
    const [seen, before] = [this.lane.seen, await this.lane.transactions()];
    await sleep(seconds * 1000); // the load goes on, and so does whatever tries again
    await until(
      () => this.lane.transactions(),
      (now) => now > before + 20,
      'load',
    );
    const wrong = [
      ...((await this.isAcknowledged(full)) ? ['the source was told to forget what could not be written'] : []),
      ...(this.lane.seen > before ? ['a reader saw what could not be written'] : []),
      ...(isTold(await this.ready()) ? [] : ['nobody says any more that the disk is full']),
    ];
    const waited = (await this.lane.transactions()) - Math.max(seen, before);
    disk.free();
    await until(
      () => this.isAcknowledged(full),
      (so) => so,
      'the acknowledgement of what had waited',
    );
    await this.isAllSeen();
    await this.isReady();
    await this.projector.end('SIGTERM');
    return { waited, wrong };
  }

  private async isReady(): Promise<void> {
    await until(
      () => this.ready(),
      (ready) => ready.status === 200 && !isTold(ready),
      'readiness',
    );
  }

  private async isAllSeen(): Promise<void> {
    const n = await this.lane.transactions();
    await until(
      async () => this.lane.seen,
      (seen) => seen >= n,
      `transaction ${n} before a reader`,
    );
  }

  private ready(): Promise<{ status: number; body: string }> {
    return this.ask('/health/ready');
  }

  private async ask(path: string): Promise<{ status: number; body: string }> {
    return ask((await this.projector.url)!, path);
  }

  /** Whether the source may forget what was written up to a place of its log. */
  private async isAcknowledged(lsn: string): Promise<boolean> {
    const { rows } = await this.source.query(
      'SELECT confirmed_flush_lsn >= $1::pg_lsn AS so FROM pg_replication_slots WHERE slot_name = $2',
      [lsn, this.lane.environment['REPLICATION_SLOT']],
    );
    return rows[0].so;
  }

  private async logEnd(): Promise<string> {
    return (await this.source.query('SELECT pg_current_wal_insert_lsn()::text AS lsn')).rows[0].lsn;
  }
}
