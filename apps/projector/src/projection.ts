/**
 * One life of the projector on a lake: opened on what the files say, ended by the first failure. Nothing of it survives
 * its end, so whatever went wrong, the next one starts from what is durable.
 */
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Catalog } from '#libs/catalog';
import type { Transaction } from '#libs/change-event';
import { createTable, DeltaTable, Fenced } from '#libs/delta-log';
import { changelog } from '#libs/lake';
import { ChangelogAppender, type Appended } from './append/changelog-appender.js';
import { FoldSchedule } from './folding/fold-schedule.js';
import { openVersionStores } from './folding/version-store.js';
import type { Progress } from './sources/change-source.js';
import type { ProjectionEvents } from './projection-events.js';
import { Upkeep } from './upkeep/upkeep.js';
import { WatermarkKeeper } from './watermark/watermark-keeper.js';

export interface ProjectionOptions {
  /** Path of the lake's folder. */
  readonly lake: string;
  readonly catalog: Catalog;
  readonly spoolFolder: string;
  readonly foldChanges: number;
  /** Milliseconds. */
  readonly foldAge: number;
}

const megabyte = 1 << 20;

export class Projection {
  private constructor(
    readonly appender: ChangelogAppender,
    readonly folding: FoldSchedule,
    readonly watermark: WatermarkKeeper,
    private readonly ending: { upkeep: Upkeep; connections: readonly DuckDBConnection[] },
  ) {}

  static async open(duckdb: DuckDBInstance, options: ProjectionOptions, events: ProjectionEvents): Promise<Projection> {
    const connections = [await duckdb.connect(), await duckdb.connect(), await duckdb.connect()] as const;
    const [appends, folds, upkeeps] = connections;
    const folder = join(options.lake, changelog.name);
    const definition = { ...changelog, partitionColumns: [], configuration: {} };
    await createTable(folder, definition, appends);
    const table = await DeltaTable.open(folder, appends);
    const stores = await openVersionStores(options.lake, options.catalog.tables, folds);
    const watermark = await WatermarkKeeper.open(options.lake, events.failed);
    const folding = new FoldSchedule(stores, table, folds, foldOptions(options, events));
    const appended = (done: Appended) => {
      events.appended(done);
      folding.appended(done);
    };
    const appender = await ChangelogAppender.open(table, appends, folder, {
      eventTable: options.catalog.events?.table,
      memoryBudget: 32 * megabyte,
      pendingBudget: 32 * megabyte,
      spoolFolder: options.spoolFolder,
      suspiciousClock: events.suspiciousClock,
      ...{ watermark, appended },
      failed: events.failed,
    });
    folding.appended({ tip: { position: appender.lastPosition }, snapshot: false });
    const tables = [...new Set([table, ...stores.flatMap(({ versions, quarantine }) => [versions, quarantine])])];
    const upkeep = new Upkeep(tables, upkeeps, { commits: 1000, interval: 300_000, failed: events.upkeepFailed });
    return new Projection(appender, folding, watermark, { upkeep, connections });
  }

  async accept(transaction: Transaction): Promise<void> {
    await this.appender.accept(transaction);
    await this.folding.room();
  }

  progress(progress: Progress): Promise<void> {
    return this.appender.progress(progress);
  }

  /** What was accepted and can be committed is; nothing is under way afterwards. */
  async close(): Promise<void> {
    await this.folding.stop();
    await this.appender.settled();
    await this.ending.upkeep.stop();
    await this.watermark.settled();
    for (const connection of this.ending.connections) connection.closeSync();
  }
}

function foldOptions({ foldChanges, foldAge }: ProjectionOptions, events: ProjectionEvents) {
  return {
    minimumChanges: foldChanges,
    shareOfOpenRows: 0.01,
    maximumAge: foldAge,
    maximumBacklog: 4,
    folded: events.folded,
    failed: (error: Error) => (error instanceof Fenced ? events.failed(error) : events.foldFailed(error)),
  };
}
