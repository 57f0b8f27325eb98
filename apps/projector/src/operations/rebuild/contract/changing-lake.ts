/** A lake of the test's own: any catalog, transactions made of texts, folds when they are asked for. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { lakeTable, surrogateKey, type Catalog } from '#libs/catalog';
import { createTable, DeltaTable, loadSnapshot } from '#libs/delta-log';
import { changelog, isInQuarantine, parquet, quarantine, quarantineGeneration, rowsOf } from '#libs/lake';
import { transaction, type ChangeOf } from '#libs/test-lake';
import { ChangelogAppender } from '../../../append/changelog-appender.js';
import { FoldSchedule } from '../../../folding/fold-schedule.js';
import { openVersionStores, type VersionStore } from '../../../folding/version-store.js';
import type { RebuiltTable } from '../rebuild.js';

const ignore = () => {};

/** One life of the projector's part that a rebuild needs. */
export class ChangingLake {
  private constructor(
    private readonly lake: string,
    readonly changelog: DeltaTable,
    readonly stores: readonly VersionStore[],
    private readonly work: { folding: FoldSchedule; appender: ChangelogAppender; connections: DuckDBConnection[] },
  ) {}

  static async open(lake: string, { tables }: Pick<Catalog, 'tables'>, duckdb: DuckDBInstance): Promise<ChangingLake> {
    mkdirSync(lake, { recursive: true });
    const connections = [await duckdb.connect(), await duckdb.connect()];
    const [appends, folds] = connections as [DuckDBConnection, DuckDBConnection];
    const folder = join(lake, changelog.name);
    await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, appends);
    const table = await DeltaTable.open(folder, appends);
    const stores = await openVersionStores(lake, tables, folds);
    const folding = new FoldSchedule(stores, table, folds, {
      ...{ minimumChanges: 1e9, shareOfOpenRows: 1, maximumAge: 2 ** 30, maximumBacklog: 1e9, maximumBytes: 1e12 },
      ...{ folded: ignore, failed: ignore, pauseAfterFailure: 1 },
    });
    const appender = new ChangelogAppender(table, {
      ...{ eventTable: undefined, memoryBudget: 1e6, spoolFolder: lake, pendingBudget: 1e6, longestRest: 0 },
      watermark: { time: 0n, reached: async () => {}, completeLsn: () => null, claim: async () => {} },
      ...{
        appended: (done) => folding.appended({ ...done, snapshot: false }),
        suspiciousClock: ignore,
        failed: ignore,
      },
      rowsPerFile: 7, // so that transactions of several files are common
    });
    folding.appended({ tip: { position: appender.lastPosition }, snapshot: false });
    return new ChangingLake(lake, table, stores, { folding, appender, connections });
  }

  get tip(): number {
    return this.work.appender.lastPosition;
  }

  /** Each list is a transaction and a commit of the lake. */
  async append(...transactions: (readonly ChangeOf[])[]): Promise<void> {
    for (const changes of transactions) {
      await this.work.appender.accept(transaction(this.tip + 100, changes));
      await this.work.appender.settled();
    }
  }

  get folding(): FoldSchedule {
    return this.work.folding;
  }

  fold(): Promise<void> {
    return this.folding.foldNow();
  }

  tableOf(name: string): RebuiltTable {
    const store = this.stores.find(({ table }) => table.table === name)!;
    return { store, changelog: this.changelog, folding: this.folding };
  }

  async close(): Promise<void> {
    await this.work.folding.stop();
    await this.work.appender.settled();
    for (const connection of this.work.connections) connection.closeSync();
  }

  /** What a stranger reads in the files: versions by surrogate key, quarantine of their generation by position. */
  async read(name: string, duckdb: DuckDBConnection) {
    const { table } = this.tableOf(name).store;
    const folder = join(this.lake, lakeTable(table));
    const snapshot = (await loadSnapshot(folder, duckdb))!;
    const unknown = join(this.lake, quarantine.name);
    const all = [...(await loadSnapshot(unknown, duckdb))!.files.values()];
    const own = all.filter(isInQuarantine(table, quarantineGeneration(snapshot)));
    const rows = async (paths: string[], key: string) => {
      if (paths.length === 0) return [];
      const found = await rowsOf(duckdb, `SELECT columns(*)::VARCHAR FROM ${parquet(paths)}`);
      return found.sort((a, b) => Number(a[key]) - Number(b[key]));
    };
    return {
      snapshot,
      versions: await rows(
        [...snapshot.files.keys()].map((path) => `${folder}/${path}`),
        surrogateKey(table),
      ),
      quarantine: await rows(
        own.map(({ path }) => `${unknown}/${path}`),
        'position',
      ),
    };
  }
}
