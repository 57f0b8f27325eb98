/**
 * Follows the lake: looks for new versions in the logs, brings them into memory, and wakes whoever waits for them. What
 * fails here costs no answer: the old cut stays, the lake is opened anew, and health says so when that takes long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Catalog } from '#libs/catalog';
import type { ConsistencyToken } from '#libs/consistency-token';
import type { AddFile } from '#libs/delta-log';
import { changelogTags, openDuckDb, readWatermark, type Watermark } from '#libs/lake';
import { FollowedLake } from './followed-lake.js';
import { LakeMemory } from './lake-memory.js';
import { recentTransactions } from './recent-transactions.js';
import { Timeline } from './timeline.js';
import { VisibleTransactions } from './visible-transactions.js';

export interface FollowerOptions {
  /** Path of the lake's folder. */
  readonly lake: string;
  readonly catalog: Catalog;
  readonly memoryLimit?: string;
  /** The lake could not be followed; it is tried again. */
  readonly failed: (error: Error) => void;
}

/** All that answers come from: made whole at each opening of the lake, replaced when the next one is. */
export interface Followed {
  readonly duckdb: DuckDBInstance;
  readonly lake: FollowedLake;
  readonly memory: LakeMemory;
  readonly timeline: Timeline;
}

/** Milliseconds: between two looks at the logs and at the watermark, and before a failed opening is tried again. */
const [logPause, watermarkPause, failurePause] = [10, 200, 500];

/** How long a failure may last before this reader calls itself unfit; milliseconds. */
const patience = 30_000;

export class Follower {
  private current: Followed | null = null;
  private mark: Watermark | null = null;
  private failure: { error: Error; since: number } | null = null;
  private readonly visible = new VisibleTransactions();
  private readonly waiters = new Set<() => void>();
  private readonly stopping = new AbortController();
  private finished: Promise<void> = Promise.resolve();

  constructor(private readonly options: FollowerOptions) {}

  start(): void {
    this.finished = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.finished;
  }

  /** null until the lake was opened for the first time. */
  get followed(): Followed | null {
    return this.current;
  }

  /** Taken over only once the answers show all that it vouches for. */
  get watermark(): Watermark | null {
    return this.mark;
  }

  /** Why this reader should not be asked; null while it may be. */
  get unfit(): string | null {
    if (!this.current) return this.failure?.error.message ?? 'The lake is being opened.';
    const lasts = this.failure && performance.now() - this.failure.since > patience;
    return lasts ? this.failure!.error.message : null;
  }

  shows(token: ConsistencyToken): boolean {
    return this.visible.shows(token, this.mark);
  }

  /** Resolves true as soon as `condition` holds; it is looked at after each change of cut or watermark. */
  async until(condition: () => boolean, milliseconds: number): Promise<boolean> {
    const deadline = performance.now() + milliseconds;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0 || this.stopping.signal.aborted) return false;
      await this.change(left);
    }
    return true;
  }

  private change(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.waiters.add(done);
    });
  }

  private wake(): void {
    for (const done of [...this.waiters]) done();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.follow(await this.open());
      } catch (error) {
        this.failure ??= { error: error as Error, since: performance.now() };
        this.failure.error = error as Error;
        this.options.failed(error as Error);
        await sleep(failurePause, undefined, { signal }).catch(() => {});
      }
    }
  }

  private async open(): Promise<Followed & { writer: DuckDBConnection }> {
    const duckdb = await openDuckDb({ ...(this.options.memoryLimit && { memoryLimit: this.options.memoryLimit }) });
    const writer = await duckdb.connect();
    const lake = await FollowedLake.open(this.options.lake, this.options.catalog, writer);
    const memory = new LakeMemory(writer);
    const timeline = new Timeline(lake.changelogFolder);
    await memory.load(lake);
    const folded = Math.min(...lake.tables.map(({ foldPosition }) => foldPosition));
    const files = [...lake.changelogFiles];
    timeline.add(files);
    this.visible.apply(await recentTransactions(lake, writer));
    this.visible.apply(await memory.advance(lake, files.filter(isAfter(folded))));
    return { duckdb, lake, memory, timeline, writer };
  }

  private async follow(followed: Followed): Promise<void> {
    this.current = followed;
    this.failure = null;
    this.wake();
    const { lake, memory, timeline } = followed;
    for (let lookedAt = 0; !this.stopping.signal.aborted;) {
      const { moved, added } = await lake.catchUp();
      if (moved) {
        timeline.add(added);
        this.visible.apply(await memory.advance(lake, added));
        this.wake();
      }
      if (performance.now() - lookedAt > watermarkPause) {
        lookedAt = performance.now();
        await this.lookAtWatermark(memory);
      }
      if (!moved) await sleep(logPause);
    }
  }

  private async lookAtWatermark(memory: LakeMemory): Promise<void> {
    const watermark = await readWatermark(this.options.lake);
    if (!watermark || watermark.position > memory.cut.position) return;
    this.mark = watermark;
    this.wake();
  }
}

const isAfter =
  (position: number) =>
  ({ tags }: AddFile): boolean =>
    Number(tags![changelogTags.lastPosition]) > position;
