/**
 * Slot, projector and lake, life after life. A life may end at any of its commits, before it or after it: what is durable
 * then is all that the next one knows. What the source was not told to forget, it sends again.
 */
import { jest } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { parseLsn, type Lsn, type SourceEpoch, type Transaction } from '#libs/change-event';
import type { Catalog } from '#libs/catalog';
import { DeltaTable } from '#libs/delta-log';
import type { Appended } from '../../apps/projector/src/append/changelog-appender.js';
import { Projection } from '../../apps/projector/src/projection.js';
import { SourceChanged, type LakePosition, type Progress } from '../../apps/projector/src/sources/change-source.js';
import { PostgresSlotSource } from '../../apps/projector/src/sources/postgres-slot.js';
import { Verification, type VerificationReport } from '../../apps/projector/src/verification/verification.js';
import type { Source } from './source.js';
import type { Death, Life } from './steps.js';
import type { World } from './worlds.js';

/** Upkeep that finds something to do at every look. Its clock is never wrong: what is old enough to be deleted, is. */
const restless = {
  look: 15,
  now: () => performance.timeOrigin + performance.now(),
  cadence: { commits: 5, checkpoints: 60_000, merges: 50, cleanings: 200, pause: 10 },
  changelog: { files: 3, fileSize: 64 << 20 },
  periods: { files: 2, rows: 4_000_000 },
};

class Killed extends Error {}

/** Commits of Delta tables as the points at which a life can end. */
export class Mortality {
  private left: number | null = null;
  private after = false;
  dead = false;
  private readonly spy;

  constructor() {
    const { commit } = DeltaTable.prototype;
    const guard = this.guard.bind(this);
    this.spy = jest.spyOn(DeltaTable.prototype, 'commit').mockImplementation(function (this: DeltaTable, ...args) {
      return guard(() => commit.apply(this, args));
    });
  }

  /** A new life; it dies at the `at`th commit from now. */
  doom({ at, after }: Death): void {
    if (at === null) this.dead = true;
    [this.left, this.after] = [at, after];
  }

  revive(): void {
    [this.left, this.dead] = [null, false];
  }

  restore(): void {
    this.spy.mockRestore();
  }

  private async guard<T>(commit: () => Promise<T>): Promise<T> {
    const last = this.left === 0;
    if (this.left !== null) this.left--;
    if (this.dead || (last && !this.after)) this.die();
    const version = await commit();
    if (this.dead || last) this.die();
    return version;
  }

  private die(): never {
    this.dead = true;
    throw new Killed('killed');
  }
}

/** Seconds by which the clocks are off. */
export interface Clocks {
  here: number;
  there: number;
}

export class Pipeline {
  /** Failures that no death explains. */
  readonly failures: Error[] = [];
  /** Watermarks as they were kept: position and time. */
  readonly kept: { readonly position: number; readonly time: bigint }[] = [];
  /** Commit LSNs at which the lake has stood in its epoch. */
  private stood: { epoch: SourceEpoch; commitLsn: Lsn }[] = [];
  /** What the next life goes by. */
  catalog: Catalog;
  private projection: Projection | null = null;
  private slot: PostgresSlotSource | null = null;
  /** Whether a snapshot was begun that the lake has not: the slot is then another one than the lake knows. */
  private snapshotting = false;
  private reached: Lsn = 0;
  private waiting: (() => void)[] = [];

  constructor(
    private readonly world: World,
    private readonly source: Source,
    private readonly database: { readonly url: string; readonly name: string },
    private readonly at: {
      readonly lake: string;
      readonly duckdb: DuckDBInstance;
      mortality: Mortality;
      clocks: Clocks;
    },
  ) {
    this.catalog = world.catalog;
  }

  /** The projection of a life that goes on. */
  get running(): Projection {
    return this.projection!;
  }

  async begin(life: Life, resnapshot = false): Promise<void> {
    await this.source.endExclusive();
    this.at.mortality.revive();
    this.reached = 0;
    const { lake, duckdb } = this.at;
    const { foldChanges, rowsPerOpenFile } = life;
    const folding = { foldChanges, foldAge: 3_600_000, ...(rowsPerOpenFile && { rowsPerOpenFile }) };
    this.projection = await Projection.open(
      duckdb,
      {
        lake,
        catalog: this.catalog,
        spoolFolder: `${lake}.spool`,
        ...folding,
        ...(life.tidies && { upkeep: restless }),
      },
      this.events(life),
    );
    this.slot = new PostgresSlotSource({
      ...{ databaseUrl: this.database.url, slot: this.database.name, publication: this.world.publication },
      ...{ catalog: this.catalog, chunk: { items: life.chunk, bytes: 1000 }, probeInterval: 10 },
    });
    const from = await this.position(life);
    if (life.dies) this.at.mortality.doom(life.dies);
    try {
      await this.stream(from, resnapshot).catch((error: Error) => {
        if (!(error instanceof SourceChanged) || !this.snapshotting) throw error;
        this.source.note(`-- ${error.message}`);
        return this.stream(from, true);
      });
    } catch (error) {
      if (!this.at.mortality.dead) throw error;
      this.source.note('-- killed while it started');
    }
  }

  /** Asks for a fold of all that is there; it comes when it comes. */
  fold(): void {
    const { appender, folding } = this.running;
    folding.appended({ tip: { position: appender.lastPosition }, snapshot: true });
  }

  /** Compares source and lake as an operator would. The life must go on meanwhile. */
  verify(): Promise<VerificationReport> {
    const source = { databaseUrl: this.database.url, publication: this.world.publication };
    const { lake } = this.at;
    const verification = new Verification({
      source,
      lake,
      catalog: this.catalog,
      temporaryFolder: `${lake}.verification`,
    });
    return verification.run(() => {}, new AbortController().signal);
  }

  /** Makes the versions of tables anew that another catalog made. */
  async rebuildDrifted(): Promise<void> {
    const { rebuilds } = this.running;
    for (const table of rebuilds.drifted) await rebuilds.rebuild(table, () => {}, new AbortController().signal);
  }

  /** Whatever is under way ends: in order, or at once. */
  async end(orderly: boolean): Promise<void> {
    if (!orderly) this.at.mortality.doom({ at: null, after: false });
    await this.projection?.folding.stop();
    await this.slot?.stop();
    await this.projection?.close();
    [this.projection, this.slot] = [null, null];
  }

  /** Resolves when the lake says that it has all that was committed; in a new life if need be. */
  async catchUp(life: Life): Promise<void> {
    const lsn = parseLsn(await this.source.logEnd());
    while (this.reached < lsn) {
      if (this.at.mortality.dead) await this.restart({ ...life, dies: null }, false);
      if (this.failures.length > 0) throw this.failures[0]!;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  async restart(life: Life, orderly: boolean): Promise<void> {
    await this.end(orderly);
    await this.begin(life);
  }

  private events(life: Life) {
    const failed = (error: Error) => {
      if (!this.at.mortality.dead) this.failures.push(error);
      this.wake();
    };
    const ignore = () => {};
    return {
      appended: ({ tip: { epoch, commitLsn }, snapshot }: Appended) => {
        if (snapshot) this.snapshotting = false;
        this.stood.push({ epoch: epoch!, commitLsn });
        if (life.acknowledges && !this.at.mortality.dead) this.slot?.durable(commitLsn);
      },
      ...{ folded: () => this.wake(), foldFailed: failed, upkeepFailed: failed, suspiciousClock: ignore, failed },
    };
  }

  private async stream(from: LakePosition | null, resnapshot: boolean): Promise<void> {
    this.snapshotting ||= !from || resnapshot;
    if (!from || resnapshot) await this.source.commitAll(); // a slot's creation waits for whoever writes
    const deliver = async (transaction: Transaction) => {
      const { opens } = transaction.header;
      if (opens) await this.source.found(parseLsn(opens.consistent_point));
      await this.projection!.accept({
        header: transaction.header,
        changes: transaction.changes,
        end: this.shifted(transaction),
      });
    };
    const receiver = {
      deliver,
      progress: (progress: Progress) => this.keep(progress),
      failed: this.events({} as Life).failed,
    };
    await this.slot!.start(from, receiver, { resnapshot });
  }

  private async shifted({ end }: Transaction) {
    const { commitLsn, committedAt, ...rest } = await end;
    return { ...rest, commitLsn, committedAt: committedAt + this.shift };
  }

  private get shift(): bigint {
    return BigInt(this.at.clocks.there) * 1_000_000n;
  }

  private async keep({ lsn, sourceTime }: Progress): Promise<void> {
    if (this.at.mortality.dead) return new Promise(() => {});
    const projection = this.projection!;
    await projection.progress({ lsn, sourceTime: sourceTime + this.shift });
    this.kept.push({ position: projection.appender.lastPosition, time: projection.watermark.time });
    this.reached = Math.max(this.reached, lsn);
    this.wake();
  }

  /** Where the lake stands, or stood: no further back than the source remembers. */
  private async position({ rewind }: Life): Promise<LakePosition | null> {
    const position = this.running.appender.lakePosition;
    const confirmed = await this.source.confirmed(this.database.name);
    if (!position || !confirmed || rewind === 0) return position;
    const same = JSON.stringify(position.epoch);
    const back = this.stood.filter(
      ({ epoch, commitLsn }) => JSON.stringify(epoch) === same && commitLsn >= parseLsn(confirmed),
    );
    return back.at(-1 - rewind) ?? back[0] ?? position;
  }

  private wake(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
