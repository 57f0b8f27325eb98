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
import type { AppliedTransaction } from './applied-transactions.js';
import { ConnectionPool } from './connection-pool.js';
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
  /** Milliseconds before what failed is tried again, and how long it may fail before this reader calls itself unfit. */
  readonly failurePause?: number;
  readonly patience?: number;
}

/** All that answers come from: made whole at each opening of the lake, replaced when the next one is. */
export interface Followed {
  readonly lake: FollowedLake;
  readonly memory: LakeMemory;
  readonly timeline: Timeline;
  readonly readers: ConnectionPool;
  /** The connection that refreshes the memory. */
  readonly writer: DuckDBConnection;
}

interface Opened {
  readonly followed: Followed;
  readonly applied: readonly AppliedTransaction[];
}

/** How many may read at once. */
const connections = 4;

/** Milliseconds between two looks at the logs, and at the watermark. */
const [logPause, watermarkPause] = [10, 200];

export class Follower {
  private current: Followed | null = null;
  private mark: Watermark | null = null;
  /** The lake's last position by its watermark, which may be ahead of the logs as they were last read. */
  private newest = 0;
  private failure: { error: Error; since: number } | null = null;
  private readonly visible = new VisibleTransactions();
  private readonly waiters = new Set<() => void>();
  private readonly stopping = new AbortController();
  private finished: Promise<void> = Promise.resolve();

  constructor(private readonly options: FollowerOptions) {}

  start(): void {
    this.finished = this.run();
  }

  /** Ends, with whatever is being read, and answers nothing any more. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    await this.finished;
    this.replace(null);
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
    const lasts = this.failure && performance.now() - this.failure.since > (this.options.patience ?? 30_000);
    return lasts ? this.failure!.error.message : null;
  }

  /** Positions that are in the lake and not in the answers, by logs and watermark; null while they cannot be read. */
  get lag(): number | null {
    if (!this.current || this.failure) return null;
    const { lake, memory } = this.current;
    return Math.max(this.newest, lake.tip.position) - memory.cut.position;
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
        this.fail(error as Error);
        await sleep(this.options.failurePause ?? 500, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** It lasts until logs and watermark were read: what failed at each first look, the lake opened anew, would never last. */
  private readonly fail = (error: Error): void => {
    this.failure = { error, since: this.failure?.since ?? performance.now() };
    this.options.failed(error);
  };

  private async open(): Promise<Opened> {
    const { memoryLimit } = this.options;
    const duckdb = await openDuckDb({ ...(memoryLimit && { memoryLimit }) });
    try {
      return await this.load(duckdb);
    } catch (error) {
      duckdb.closeSync();
      throw error;
    }
  }

  private async load(duckdb: DuckDBInstance): Promise<Opened> {
    const writer = await duckdb.connect();
    try {
      const lake = await FollowedLake.open(this.options.lake, this.options.catalog, writer);
      const memory = new LakeMemory(writer);
      const timeline = new Timeline(lake.changelogFolder);
      await memory.load(lake);
      const folded = Math.min(...lake.tables.map(({ foldPosition }) => foldPosition));
      const files = [...lake.changelogFiles];
      timeline.add(files);
      const recent = await recentTransactions(lake, writer);
      const unfolded = await memory.advance(lake, files.filter(isAfter(folded)));
      const readers = new ConnectionPool(duckdb, connections);
      return { followed: { lake, memory, timeline, readers, writer }, applied: [...recent, ...unfolded] };
    } catch (error) {
      writer.closeSync();
      throw error;
    }
  }

  /** Whoever reads from what was there before ends in peace. */
  private replace(followed: Followed | null): void {
    const before = this.current;
    this.current = followed;
    this.newest = 0;
    before?.writer.closeSync();
    before?.readers.retire();
  }

  private async follow({ followed, applied }: Opened): Promise<void> {
    const { lake, memory, timeline } = followed;
    this.replace(followed);
    this.visible.apply(applied, lake.epoch); // not before: nobody may be sent to answers that do not show it yet
    this.wake();
    for (let lookedAt = 0; !this.stopping.signal.aborted;) {
      const { moved, added, rearranged } = await lake.catchUp();
      if (moved) {
        if (rearranged) timeline.replace(lake.changelogFiles);
        else timeline.add(added);
        this.visible.apply(await memory.advance(lake, added), lake.epoch);
        this.wake();
      }
      if (performance.now() - lookedAt > watermarkPause) {
        lookedAt = performance.now();
        await this.lookAtWatermark(memory).then(() => (this.failure = null), this.fail);
      }
      if (!moved) await sleep(logPause);
    }
  }

  private async lookAtWatermark(memory: LakeMemory): Promise<void> {
    const watermark = await readWatermark(this.options.lake);
    this.newest = watermark?.position ?? 0;
    if (!watermark || watermark.position > memory.cut.position) return;
    this.mark = watermark;
    this.wake();
  }
}

const isAfter =
  (position: number) =>
  ({ tags }: AddFile): boolean =>
    Number(tags![changelogTags.lastPosition]) > position;
