/**
 * One life of the projector on a lake: opened on what the files say, ended by the first failure. Nothing of it survives
 * its end, so whatever went wrong, the next one starts from what is durable.
 */
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { capturedTables, type Catalog } from '#libs/catalog';
import type { Transaction } from '#libs/change-event';
import { createTable, DeltaTable, Fenced } from '#libs/delta-log';
import { changelog, refuseForeignFiles } from '#libs/lake';
import { ChangelogAppender, type Appended } from './append/changelog-appender.js';
import { tipOf } from './append/tip.js';
import { FoldSchedule } from './folding/fold-schedule.js';
import { openVersionStores, type VersionStore } from './folding/version-store.js';
import { refuseOlderChangelog } from './lake-damaged.js';
import type { Progress } from './sources/change-source.js';
import type { ProjectionEvents } from './projection-events.js';
import { Rebuilder } from './operations/rebuild/rebuilder.js';
import { upkeepOf, type UpkeepSettings } from './upkeep/lake-upkeep.js';
import type { Upkeep } from './upkeep/upkeep.js';
import { WatermarkKeeper } from './watermark/watermark-keeper.js';

export interface ProjectionOptions {
  /** Path of the lake's folder. */
  readonly lake: string;
  readonly catalog: Catalog;
  readonly spoolFolder: string;
  readonly foldChanges: number;
  /** Milliseconds. */
  readonly foldAge: number;
  /** Rows of an open file, about; tests have few. */
  readonly rowsPerOpenFile?: number;
  /** The folds' own DuckDB, so that what they need is bounded and nobody else's; that of appends where absent. */
  readonly foldDuckDb?: DuckDBInstance;
  /** Instead of the usual sizes and times. */
  readonly upkeep?: Partial<UpkeepSettings>;
}

const megabyte = 1 << 20;

/** For appends, for folds, for upkeep. */
type Connections = readonly [DuckDBConnection, DuckDBConnection, DuckDBConnection];

export class Projection {
  private constructor(
    readonly appender: ChangelogAppender,
    readonly folding: FoldSchedule,
    readonly watermark: WatermarkKeeper,
    private readonly parts: { rebuilds: Rebuilder; upkeep: Upkeep; connections: readonly DuckDBConnection[] },
  ) {}

  static async open(duckdb: DuckDBInstance, options: ProjectionOptions, events: ProjectionEvents): Promise<Projection> {
    const { foldDuckDb = duckdb } = options;
    const connections = [await duckdb.connect(), await foldDuckDb.connect(), await duckdb.connect()] as const;
    try {
      return await Projection.on(connections, options, events);
    } catch (error) {
      for (const connection of connections) connection.closeSync();
      throw error;
    }
  }

  private static async on(connections: Connections, options: ProjectionOptions, events: ProjectionEvents) {
    const [appends, folds, upkeeps] = connections;
    const over = new AbortController();
    const failed = (error: Error) => {
      over.abort(error);
      void folding.stop();
      events.failed(error);
    };
    const folder = join(options.lake, changelog.name);
    await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, appends);
    const table = await DeltaTable.open(folder, appends);
    refuseForeignFiles(table.snapshot.metadata, table.snapshot.files.values());
    const stores = await openVersionStores(options.lake, options.catalog.tables, folds);
    await refuseOlderChangelog(table, tipOf(table.snapshot).position, stores);
    const watermark = await WatermarkKeeper.open(options.lake, failed);
    const folding = new FoldSchedule(stores, table, folds, {
      ...foldBudget(options),
      folded: events.folded,
      failed: (error) => (stores.some(mustBeReopened) ? failed(error.cause as Error) : events.foldFailed(error)),
    });
    const appended = (done: Appended) => {
      events.appended(done);
      folding.appended(done);
    };
    const appender = new ChangelogAppender(table, {
      ...{ eventTable: options.catalog.events?.table, spoolFolder: options.spoolFolder },
      capturedTables: capturedTables(options.catalog).keys(),
      ...{ memoryBudget: 32 * megabyte, pendingBudget: 16 * megabyte, longestRest: 25 },
      ...{ watermark, appended, failed, suspiciousClock: events.suspiciousClock, over: over.signal },
    });
    folding.appended({ tip: { position: appender.lastPosition }, snapshot: false });
    const upkeep = upkeepOf({ changelog: table, stores, folded: () => folding.folded }, upkeeps, {
      ...{ temporaryFolder: options.spoolFolder, settings: options.upkeep },
      failed: (error) => (isReplaced(error) ? failed(error) : events.upkeepFailed(error)),
    });
    const rebuilds = new Rebuilder(stores, table, folding, {
      ...{ spoolFolder: options.spoolFolder, failed, tidyFailed: events.upkeepFailed },
    });
    return new Projection(appender, folding, watermark, { rebuilds, upkeep, connections });
  }

  get rebuilds(): Rebuilder {
    return this.parts.rebuilds;
  }

  async accept(transaction: Transaction): Promise<void> {
    await this.appender.accept(transaction);
    await this.folding.room();
  }

  progress(progress: Progress): Promise<void> {
    return this.appender.progress(progress);
  }

  /** Whatever another projector began to write comes to nothing from here on. @throws Fenced, WatermarkReplaced */
  claim(): Promise<void> {
    return this.appender.claim();
  }

  /** While nothing is being written. @throws Fenced, WatermarkReplaced if another one has written to the lake */
  async refuseReplaced(): Promise<void> {
    await this.appender.refuseReplaced();
    await this.watermark.refuseReplaced();
  }

  /** What was accepted and can be committed is; nothing is under way afterwards. */
  async close(): Promise<void> {
    await this.folding.stop();
    await this.parts.rebuilds.stop();
    await this.appender.settled();
    await this.parts.upkeep.stop();
    await this.watermark.settled();
    for (const connection of this.parts.connections) connection.closeSync();
  }
}

const foldBudget = ({ foldChanges, foldAge, rowsPerOpenFile }: ProjectionOptions) => ({
  rowsPerFile: rowsPerOpenFile,
  minimumChanges: foldChanges,
  shareOfOpenRows: 0.01,
  maximumAge: foldAge,
  maximumBacklog: 4,
});

/** Appends and folds would meet it, too, but only when there are any. */
const isReplaced = (error: Error): boolean => error instanceof Fenced;

/** Trying again leads nowhere: another writer goes on with a table, or nobody knows how its last commit ended. */
const mustBeReopened = ({ versions, quarantine }: VersionStore): boolean =>
  versions.failure !== undefined || quarantine.failure !== undefined;
