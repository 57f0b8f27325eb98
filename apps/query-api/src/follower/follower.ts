/**
 * Follows the lake: looks for new versions in the logs, brings them into memory, and wakes whoever waits for them. What
 * fails here costs no answer: the old cut stays, the lake is opened anew, and health says so when that takes long.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConsistencyToken } from '#libs/consistency-token';
import { readWatermark, type Watermark } from '#libs/lake';
import { FollowerHealth } from './follower-health.js';
import type { LakeMemory } from './lake-memory.js';
import { TailTooLong } from './lake-unavailable.js';
import { LostFiles } from './lost-files.js';
import { openLake, type Followed, type LakeOptions, type OpenedLake } from './opened-lake.js';
import { VisibleTransactions } from './visible-transactions.js';

export interface FollowerOptions extends LakeOptions {
  /** The lake could not be followed; it is tried again. */
  readonly failed: (error: Error) => void;
  /** Milliseconds before what failed is tried again, and how long it may fail before this reader calls itself unfit. */
  readonly failurePause?: number;
  readonly patience?: number;
}

/** Milliseconds between two looks at the logs, and at the watermark. */
const [logPause, watermarkPause] = [10, 200];

export class Follower {
  private current: Followed | null = null;
  private mark: Watermark | null = null;
  /** The lake's last position by its watermark, which may be ahead of the logs as they were last read. */
  private newest = 0;
  private readonly health: FollowerHealth;
  private readonly lost = new LostFiles();
  private readonly visible = new VisibleTransactions();
  private readonly waiters = new Set<() => void>();
  private readonly stopping = new AbortController();
  private finished: Promise<void> = Promise.resolve();

  constructor(private readonly options: FollowerOptions) {
    this.health = new FollowerHealth(options);
  }

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
  get unfit(): Error | null {
    return this.current ? this.health.lasting : (this.health.error ?? new Error('The lake is being opened.'));
  }

  /** What fails now, for however short a time. */
  get failure(): Error | null {
    return this.health.error;
  }

  /** Positions that are in the lake and not in the answers, by logs and watermark; null while they cannot be read. */
  get lag(): number | null {
    const { current, health } = this;
    if (!current) return null;
    const { position } = current.memory.cut;
    if (health.error instanceof TailTooLong) return health.error.tip - position;
    return health.error ? null : Math.max(this.newest, current.lake.tip.position) - position;
  }

  /** A query could not read a file: it is looked for whether the lake names it still, and the lake is opened anew. */
  fileFailed(error: Error): void {
    if (this.current) this.lost.suspect(this.current.lake, error);
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
        await this.follow(await openLake(this.options));
      } catch (error) {
        this.fail(error as Error);
        await sleep(this.health.pause, undefined, { signal }).catch(() => {});
      }
    }
  }

  /** It lasts until logs and watermark were read: what failed at each first look, the lake opened anew, would never last. */
  private readonly fail = (error: Error): void => {
    this.health.failed(error);
    this.options.failed(error);
  };

  /** Whoever reads from what was there before ends in peace. */
  private replace(followed: Followed | null): void {
    const before = this.current;
    this.current = followed;
    this.newest = 0;
    before?.writer.closeSync();
    before?.readers.retire();
  }

  /** Until it fails, or the lake is another one than was opened. */
  private async follow({ followed, applied }: OpenedLake): Promise<void> {
    const { lake, memory } = followed;
    this.replace(followed);
    this.visible.apply(applied, lake.epoch); // not before: nobody may be sent to answers that do not show it yet
    this.wake();
    for (let lookedAt = 0; !this.stopping.signal.aborted;) {
      const moved = await this.advance(followed);
      if (moved === 'replaced') return;
      if (performance.now() - lookedAt > watermarkPause) {
        lookedAt = performance.now();
        await this.lookAtWatermark(memory).then(() => this.worked(followed), this.fail);
      }
      this.lost.throwIfNew();
      if (!moved) await sleep(logPause);
    }
  }

  /** Returns whether there was anything. Where it fails, the cut is as it was. */
  private async advance({ lake, memory, timeline }: Followed): Promise<boolean | 'replaced'> {
    const { moved, added, rearranged, replaced } = await lake.catchUp();
    if (replaced) return 'replaced';
    if (!moved) return false;
    if (rearranged) timeline.replace(lake.changelogFiles);
    else timeline.add(added);
    this.visible.apply(await memory.advance(lake, added), lake.epoch);
    this.wake();
    return true;
  }

  /** A file that a query missed, and that the lake still names, is a failure for as long. */
  private worked({ lake }: Followed): void {
    const missing = this.lost.stillMissing(lake);
    if (missing) this.fail(missing);
    else this.health.worked();
  }

  private async lookAtWatermark(memory: LakeMemory): Promise<void> {
    const watermark = await readWatermark(this.options.lake);
    this.newest = watermark?.position ?? 0;
    if (!watermark || watermark.position > memory.cut.position) return;
    this.mark = watermark;
    this.wake();
  }
}
