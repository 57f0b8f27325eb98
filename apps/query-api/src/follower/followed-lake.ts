import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { lakeTable, type Catalog, type Table } from '#libs/catalog';
import { NoSuchTable, readCommit, type AddFile, type Metadata } from '#libs/delta-log';
import { appIds, changelog, configuration, quarantine } from '#libs/lake';
import { FollowedTable, type CaughtUp } from './followed-table.js';

export interface VersionTables {
  /** The lake's catalog entry, by which its versions were made. */
  readonly table: Table;
  readonly versions: FollowedTable;
  readonly quarantine: FollowedTable;
  readonly foldPosition: number;
}

interface Opened extends Omit<VersionTables, 'foldPosition'> {
  readonly metadata: Metadata;
}

export interface LakeCaughtUp extends CaughtUp {
  /** Versions were swapped for others, or there is a table that there was not: what was read before is of another lake. */
  readonly replaced: boolean;
}

/** The logs of all tables that a reader follows. */
export class FollowedLake {
  private constructor(
    private readonly changelog: FollowedTable,
    private readonly followed: readonly Opened[],
    /** Folders of tables that the lake has not got yet. */
    private readonly absent: readonly string[],
  ) {}

  /** Logs are opened in the order in which `catchUp` reads them. @throws NoSuchTable */
  static async open(lake: string, catalog: Catalog, duckdb: DuckDBConnection): Promise<FollowedLake> {
    const [versions, absent]: [FollowedTable[], string[]] = [[], []];
    for (const table of catalog.tables) {
      const folder = join(lake, lakeTable(table));
      const opened = await openIfThere(folder, duckdb);
      if (opened) versions.push(opened);
      else absent.push(folder);
    }
    const unknown = await FollowedTable.open(join(lake, quarantine.name), duckdb);
    const changes = await FollowedTable.open(join(lake, changelog.name), duckdb);
    const opened = new FollowedLake(
      changes,
      versions.map((table) => openedTable(table, unknown)),
      absent,
    );
    return (await opened.swapIsNext()) ? FollowedLake.open(lake, catalog, duckdb) : opened;
  }

  get changelogFolder(): string {
    return this.changelog.folder;
  }

  get changelogFiles(): Iterable<AddFile> {
    return this.changelog.snapshot.files.values();
  }

  /** Of all files that the lake, as far as it has been read, names. */
  paths(): string[] {
    const quarantined = this.followed[0]?.quarantine;
    const tables = [
      ...this.followed.map(({ versions }) => versions),
      this.changelog,
      ...(quarantined ? [quarantined] : []),
    ];
    return tables.flatMap((table) => table.paths(() => true));
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
  async catchUp(): Promise<LakeCaughtUp> {
    let folded = false;
    for (const { versions } of this.followed) folded = (await versions.catchUp()).moved || folded;
    if (folded) await this.followed[0]?.quarantine.catchUp();
    const { moved, ...changes } = await this.changelog.catchUp();
    const replaced = this.isReplaced() || (folded && (await this.swapIsNext()));
    return { moved: folded || moved, ...changes, replaced };
  }

  private isReplaced(): boolean {
    return (
      this.followed.some(({ versions, metadata }) => versions.snapshot.metadata !== metadata) ||
      this.absent.some(isThere)
    );
  }

  /**
   * Whether versions were swapped after their log was read here. A rebuild removes the quarantine of the old versions after
   * it swapped them, so what was read of the quarantine since may not have it any more.
   */
  private async swapIsNext(): Promise<boolean> {
    for (const { versions } of this.followed)
      for (
        let version = versions.snapshot.version + 1, actions;
        (actions = await readCommit(versions.folder, version));
        version++
      )
        if (actions.some((action) => 'metaData' in action)) return true;
    return false;
  }
}

/** Its folder comes before its first commit. */
const isThere = (folder: string): boolean =>
  existsSync(join(folder, '_delta_log')) &&
  readdirSync(join(folder, '_delta_log')).some((name) => name.endsWith('.json'));

async function openIfThere(folder: string, duckdb: DuckDBConnection): Promise<FollowedTable | null> {
  try {
    return await FollowedTable.open(folder, duckdb);
  } catch (error) {
    if (error instanceof NoSuchTable) return null;
    throw error;
  }
}

function openedTable(versions: FollowedTable, unknown: FollowedTable): Opened {
  const { snapshot } = versions;
  const table = JSON.parse(snapshot.metadata.configuration[configuration.table]!) as Table;
  return { table, versions, quarantine: unknown, metadata: snapshot.metadata };
}
