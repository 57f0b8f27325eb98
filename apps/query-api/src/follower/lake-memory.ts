/**
 * What a reader keeps in DuckDB's memory: per table the open versions and what the changelog has beyond the fold, and one
 * row that names the cut. All of it changes in one DuckDB transaction a refresh, so whoever reads in a transaction of its
 * own sees one cut, of all tables at once, however long it takes.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { parquet, rowsOf } from '#libs/lake';
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
import { readNewChanges } from './new-changes.js';

/** The files and fold of one table that a cut's queries read beside the memory. */
export interface FoldedPart {
  /** Versions of the Delta tables that the lists of files are of. */
  readonly of: string;
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

  /** `duckdb` is this memory's alone, and its only writer. */
  constructor(private readonly duckdb: DuckDBConnection) {}

  get cut(): MemoryCut {
    return this.newest;
  }

  /** The cut that a reading transaction on `connection` is in. */
  async cutOf(connection: DuckDBConnection): Promise<MemoryCut> {
    const [row] = await rowsOf(connection, 'SELECT id FROM cut');
    return this.cuts.get(Number(row!.id))!;
  }

  /** Fills the empty memory with what is folded; the tail comes with the first `advance`. */
  async load({ tables }: FollowedLake): Promise<void> {
    await this.duckdb.run('CREATE TABLE cut AS SELECT 0::BIGINT AS id');
    const parts = new Map<string, FoldedPart>();
    for (const followed of tables) {
      const part = partOf(followed);
      const open = followed.versions.paths(({ partitionValues }) => partitionValues.is_current === 'true');
      const files = { ...part, open: open.length > 0 ? parquet(open) : `(${noVersionsSql(followed.table)})` };
      for (const sql of [...memoryDdl(followed.table), ...loadSql(followed.table, files)]) await this.duckdb.run(sql);
      parts.set(followed.table.table, part);
      this.refreshes.set(followed.table.table, new MemoryRefresh(this.duckdb, followed.table));
    }
    this.publish({ ...this.newest, parts });
  }

  /** Takes over new changes and folds, all or nothing. Returns the transactions that came. */
  async advance(lake: FollowedLake, added: readonly AddFile[]): Promise<AppliedTransaction[]> {
    const parts = new Map(lake.tables.map((followed) => [followed.table.table, this.partOf(followed)]));
    const id = this.newest.id + 1;
    await this.duckdb.run('BEGIN TRANSACTION');
    try {
      const transactions = added.length > 0 ? await this.apply(lake, added) : [];
      for (const { table } of lake.tables) await this.forget(table, parts.get(table.table)!);
      await this.duckdb.run(`UPDATE cut SET id = ${id}`);
      const cut = { id, ...lake.tip, parts };
      this.cuts.set(id, cut); // known before any reader can see its id
      await this.duckdb.run('COMMIT');
      this.publish(cut);
      return transactions;
    } catch (error) {
      await this.duckdb.run('ROLLBACK').catch(() => {}); // the first error is the one to tell
      throw error;
    }
  }

  private async apply({ changelogFolder, tables }: FollowedLake, files: readonly AddFile[]) {
    const source = { folder: changelogFolder, files, known: this.oldestFold(tables) };
    const all = tables.map(({ table }) => table);
    const changes = await readNewChanges(this.duckdb, source, all);
    for (const table of all) {
      const { foldPosition } = this.newest.parts.get(table.table)!;
      const batch = changes.of(table, Math.max(this.newest.position, foldPosition));
      if (batch) await this.refreshes.get(table.table)!.apply(batch);
    }
    const transactions = await changes.transactions(this.newest.position);
    await changes.release();
    return transactions;
  }

  /** A table folded further than others has no use for its changes below, and the others do. */
  private oldestFold(tables: readonly VersionTables[]): number {
    if (this.newest.position > 0) return this.newest.position;
    return Math.min(...tables.map(({ table }) => this.newest.parts.get(table.table)!.foldPosition));
  }

  private async forget(table: Table, { foldPosition }: FoldedPart): Promise<void> {
    if (this.newest.parts.get(table.table)!.foldPosition === foldPosition) return;
    for (const sql of forgetSql(table, foldPosition)) await this.duckdb.run(sql);
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
  const unknown = quarantine.paths(({ partitionValues }) => partitionValues.table === table.table);
  return {
    of: versionsOf(followed),
    foldPosition,
    closed: closed.length > 0 ? parquet(closed) : null,
    quarantine: unknown.length > 0 ? parquet(unknown, `${literal(table.table)} AS "table"`) : `(${noQuarantineSql()})`,
  };
}
