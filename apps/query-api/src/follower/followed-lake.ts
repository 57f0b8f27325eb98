import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { catalogHash, lakeTable, type Catalog, type Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { appIds, changelog, configuration, quarantine } from '#libs/lake';
import { FollowedTable, type CaughtUp } from './followed-table.js';

/** The lake's table was folded by another catalog entry than the one that this process answers by. */
export class CatalogDrift extends Error {
  readonly code = 'catalog-drift';
  constructor(readonly table: string) {
    super(`The lake's versions of ${table} were made by another catalog; deploy the projector of this catalog first.`);
    this.name = 'CatalogDrift';
  }
}

export interface VersionTables {
  readonly table: Table;
  readonly versions: FollowedTable;
  readonly quarantine: FollowedTable;
  readonly foldPosition: number;
}

/** The logs of all tables that a reader follows. */
export class FollowedLake {
  private constructor(
    private readonly changelog: FollowedTable,
    private readonly followed: readonly Omit<VersionTables, 'foldPosition'>[],
  ) {}

  /** Logs are opened in the order in which `catchUp` reads them. @throws NoSuchTable, CatalogDrift */
  static async open(lake: string, catalog: Catalog, duckdb: DuckDBConnection): Promise<FollowedLake> {
    const versions = [];
    for (const table of catalog.tables) {
      const opened = await FollowedTable.open(join(lake, lakeTable(table)), duckdb);
      if (opened.snapshot.metadata.configuration[configuration.catalog] !== catalogHash(table))
        throw new CatalogDrift(table.table);
      versions.push({ table, versions: opened });
    }
    const unknown = await FollowedTable.open(join(lake, quarantine.name), duckdb);
    const changes = await FollowedTable.open(join(lake, changelog.name), duckdb);
    return new FollowedLake(
      changes,
      versions.map((one) => ({ ...one, quarantine: unknown })),
    );
  }

  get changelogFolder(): string {
    return this.changelog.folder;
  }

  get changelogFiles(): Iterable<AddFile> {
    return this.changelog.snapshot.files.values();
  }

  /** JSON of the source's epoch in force; null before the first snapshot. */
  get epoch(): string | null {
    return this.changelog.snapshot.metadata.configuration[configuration.epoch] ?? null;
  }

  /** The changelog's end as far as it has been read. */
  get tip(): { position: number; effectiveAt: bigint | null } {
    const { transactions } = this.changelog.snapshot;
    const effectiveAt = transactions.get(appIds.effectiveAt);
    return {
      position: transactions.get(appIds.position) ?? 0,
      effectiveAt: effectiveAt === undefined ? null : BigInt(effectiveAt),
    };
  }

  get tables(): VersionTables[] {
    return this.followed.map((one) => ({
      ...one,
      foldPosition: one.versions.snapshot.transactions.get(appIds.fold) ?? 0,
    }));
  }

  /**
   * Reads on in all logs: versions first, their quarantine next, the changelog last. A fold is committed after the changes
   * that it holds, and after its quarantine, so what is read later always covers what was read before. What it returns of
   * files is of the changelog.
   */
  async catchUp(): Promise<CaughtUp> {
    let folded = false;
    for (const { versions } of this.followed) folded = (await versions.catchUp()).moved || folded;
    if (folded) await this.followed[0]?.quarantine.catchUp();
    const { moved, ...changes } = await this.changelog.catchUp();
    return { moved: folded || moved, ...changes };
  }
}
