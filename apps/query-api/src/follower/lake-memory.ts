/**
 * What a reader keeps in DuckDB's memory: per table the open versions and what the changelog has beyond the fold, and one
 * row that names the cut. All of it changes in one DuckDB transaction a refresh, so whoever reads in a transaction of its
 * own sees one cut, of all tables at once, however long it takes.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { columnsSince, isInQuarantine, parquet, quarantineGeneration, rowsOf } from '#libs/lake';
import {
  compactSql,
  forgetSql,
  literal,
  loadSql,
  memoryDdl,
  MemoryRefresh,
  noQuarantineSql,
  noVersionsSql,
  wornSql,
} from '#libs/scd2';
import type { AppliedTransaction } from './applied-transactions.js';
import type { FollowedLake, VersionTables } from './followed-lake.js';
import { isOutOfMemory, MemoryLimitReached } from './lake-unavailable.js';
import { countOf, readNewChanges, type ChangelogFiles } from './new-changes.js';
import { Tail } from './tail.js';

/** The files and fold of one table that a cut's queries read beside the memory. */
export interface FoldedPart {
  /** Versions of the Delta tables that the lists of files are of. */
  readonly of: string;
  /** The lake's catalog entry. */
  readonly table: Table;
  readonly foldPosition: number;
  readonly closed: string | null;
  readonly quarantine: string;
}

export interface MemoryCut {
  readonly id: number;
  readonly position: number;
  readonly effectiveAt: bigint | null;
  readonly parts: ReadonlyMap<string, FoldedPart>;
}

/** How many cuts past the newest one a reading transaction may still be on. */
const keptCuts = 1000;

export class LakeMemory {
  private readonly cuts = new Map<number, MemoryCut>();
  private readonly refreshes = new Map<string, MemoryRefresh>();
  private newest: MemoryCut = { id: 0, position: 0, effectiveAt: null, parts: new Map() };

  private readonly tail: Tail;

  /** `duckdb` is this memory's alone, and its only writer. `ceiling`: of the changes that are not folded. */
  constructor(
    private readonly duckdb: DuckDBConnection,
    ceiling: number,
  ) {
    this.tail = new Tail(duckdb, ceiling);
  }

  get cut(): MemoryCut {
    return this.newest;
  }

  /** The cut that a reading transaction on `connection` is in. */
  async cutOf(connection: DuckDBConnection): Promise<MemoryCut> {
    const [row] = await rowsOf(connection, 'SELECT id FROM cut');
    return this.cuts.get(Number(row!.id))!;
  }

  /** Changes that are in memory because they are not folded. */
  get tailChanges(): number {
    return this.tail.changes;
  }

  /** Fills the empty memory, with what is folded first. Returns the transactions that are not. @throws as `advance` */
  async load(lake: FollowedLake, unfolded: readonly AddFile[]): Promise<AppliedTransaction[]> {
    const { tables, tip } = lake;
    const source = { folder: lake.changelogFolder, files: unfolded, known: this.oldestFold(tables) };
    await this.tail.refuseUnfolded(source, tables, tip.position);
    await this.duckdb.run('CREATE TABLE cut AS SELECT 0::BIGINT AS id');
    const parts = new Map<string, FoldedPart>();
    for (const followed of tables) {
      const part = partOf(followed);
      const open = followed.versions.paths(({ partitionValues }) => partitionValues.is_current === 'true');
      const files = { ...part, open: open.length > 0 ? parquet(open) : `(${noVersionsSql(followed.table)})` };
      for (const sql of [...memoryDdl(followed.table), ...loadSql(followed.table, files)]) await this.duckdb.run(sql);
      parts.set(followed.table.table, part);
      const since = columnsSince(followed.versions.snapshot);
      this.refreshes.set(followed.table.table, new MemoryRefresh(this.duckdb, followed.table, since));
    }
    this.publish({ ...this.newest, parts });
    return this.step(lake, source);
  }

  /**
   * Takes over new changes and folds, all or nothing. Returns the transactions that came.
   * @throws TailTooLong, MemoryLimitReached, and what reading files fails with
   */
  async advance(lake: FollowedLake, added: readonly AddFile[]): Promise<AppliedTransaction[]> {
    const source = { folder: lake.changelogFolder, files: added, known: this.oldestFold(lake.tables) };
    this.tail.refuse(countOf(source), lake.tip.position);
    return this.step(lake, source);
  }

  private async step(lake: FollowedLake, source: ChangelogFiles): Promise<AppliedTransaction[]> {
    const parts = new Map(lake.tables.map((followed) => [followed.table.table, this.partOf(followed)]));
    const id = this.newest.id + 1;
    await this.duckdb.run('BEGIN TRANSACTION');
    try {
      const transactions = source.files.length > 0 ? await this.apply(lake, source) : [];
      for (const { table } of lake.tables) await this.forget(table, parts.get(table.table)!);
      await this.duckdb.run(`UPDATE cut SET id = ${id}`);
      const cut = { id, ...lake.tip, parts };
      this.cuts.set(id, cut); // known before any reader can see its id
      await this.duckdb.run('COMMIT');
      this.publish(cut);
      return transactions;
    } catch (error) {
      await this.duckdb.run('ROLLBACK').catch(() => {}); // the first error is the one to tell
      throw isOutOfMemory(error) ? new MemoryLimitReached('Taking over new changes', { cause: error }) : error;
    }
  }

  private async apply({ tables }: FollowedLake, source: ChangelogFiles) {
    const all = tables.map(({ table }) => table);
    const changes = await readNewChanges(this.duckdb, source);
    for (const table of all) {
      const { foldPosition } = this.newest.parts.get(table.table)!;
      const batch = changes.of(table, Math.max(this.newest.position, foldPosition));
      if (batch) this.tail.add(table, await this.refreshes.get(table.table)!.apply(batch));
    }
    const transactions = await changes.transactions(this.newest.position);
    await changes.release();
    return transactions;
  }

  /** A table folded further than others has no use for its changes below, and the others do. */
  private oldestFold(tables: readonly VersionTables[]): number {
    if (this.newest.position > 0) return this.newest.position;
    return Math.min(
      ...tables.map(({ table, foldPosition }) => this.newest.parts.get(table.table)?.foldPosition ?? foldPosition),
    );
  }

  private async forget(table: Table, { foldPosition }: FoldedPart): Promise<void> {
    if (this.newest.parts.get(table.table)!.foldPosition === foldPosition) return;
    for (const sql of forgetSql(table, foldPosition)) await this.duckdb.run(sql);
    await this.tail.count(table, foldPosition);
    const [open] = await rowsOf(this.duckdb, wornSql(table));
    if (open!.worn) for (const sql of compactSql(table)) await this.duckdb.run(sql);
  }

  /** The same object while the files are the same: a cut comes with each batch, and the list of a year's files is long. */
  private partOf(followed: VersionTables): FoldedPart {
    const known = this.newest.parts.get(followed.table.table);
    return known?.of === versionsOf(followed) ? known : partOf(followed);
  }

  private publish(cut: MemoryCut): void {
    this.newest = cut;
    this.cuts.set(cut.id, cut);
    this.cuts.delete(cut.id - keptCuts);
  }
}

const versionsOf = ({ versions, quarantine }: VersionTables): string =>
  `${versions.snapshot.version}/${quarantine.snapshot.version}`;

function partOf(followed: VersionTables): FoldedPart {
  const { versions, quarantine, table, foldPosition } = followed;
  const closed = versions.paths(({ partitionValues }) => partitionValues.is_current === 'false');
  const unknown = quarantine.paths(isInQuarantine(table, quarantineGeneration(versions.snapshot)));
  return {
    of: versionsOf(followed),
    table,
    foldPosition,
    closed: closed.length > 0 ? parquet(closed) : null,
    quarantine: unknown.length > 0 ? parquet(unknown, `${literal(table.table)} AS "table"`) : `(${noQuarantineSql()})`,
  };
}
