import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Catalog } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { changelogTags, openDuckDb } from '#libs/lake';
import type { AppliedTransaction } from './applied-transactions.js';
import { ConnectionPool } from './connection-pool.js';
import { FollowedLake } from './followed-lake.js';
import { LakeMemory } from './lake-memory.js';
import { isOutOfMemory, MemoryLimitReached } from './lake-unavailable.js';
import { recentTransactions } from './recent-transactions.js';
import { Timeline } from './timeline.js';

export interface LakeOptions {
  /** Path of the lake's folder. */
  readonly lake: string;
  readonly catalog: Catalog;
  /** As DuckDB writes it; for each opening of the lake, of which there are two while one replaces the other. */
  readonly memoryLimit?: string;
  /** How many changes that are not folded are taken into memory. */
  readonly tailChanges?: number;
}

/** Above what a projector lets wait before it holds its source back, up to twelve million open versions a table. */
const defaultTail = 500_000;

/** All that answers come from: made whole at each opening of the lake, replaced when the next one is. */
export interface Followed {
  readonly lake: FollowedLake;
  readonly memory: LakeMemory;
  readonly timeline: Timeline;
  readonly readers: ConnectionPool;
  /** The connection that refreshes the memory. */
  readonly writer: DuckDBConnection;
}

export interface OpenedLake {
  readonly followed: Followed;
  /** The transactions that it shows, as far back as their tokens need it. */
  readonly applied: readonly AppliedTransaction[];
}

/** How many may read at once. */
const connections = 4;

/** @throws NoSuchTable, TailTooLong, MemoryLimitReached, and what reading logs and files fails with */
export async function openLake(options: LakeOptions): Promise<OpenedLake> {
  const { memoryLimit } = options;
  // made where DuckDB spills, and not before; in its default folder two processes would overwrite each other's blocks
  const temporaryFolder = join(tmpdir(), `migsbyu-query-api-${randomUUID()}`);
  const duckdb = await openDuckDb({ temporaryFolder, ...(memoryLimit && { memoryLimit }) });
  try {
    return await load(options, duckdb);
  } catch (error) {
    duckdb.closeSync();
    throw isOutOfMemory(error) ? new MemoryLimitReached('Opening the lake', { cause: error }) : error;
  }
}

async function load(options: LakeOptions, duckdb: DuckDBInstance): Promise<OpenedLake> {
  const writer = await duckdb.connect();
  try {
    const lake = await FollowedLake.open(options.lake, options.catalog, writer);
    const memory = new LakeMemory(writer, options.tailChanges ?? defaultTail);
    const timeline = new Timeline(lake.changelogFolder);
    const folded = Math.min(...lake.tables.map(({ foldPosition }) => foldPosition));
    const files = [...lake.changelogFiles];
    const unfolded = await memory.load(lake, files.filter(isAfter(folded)));
    timeline.add(files);
    const recent = await recentTransactions(lake, writer);
    const readers = new ConnectionPool(duckdb, connections);
    return { followed: { lake, memory, timeline, readers, writer }, applied: [...recent, ...unfolded] };
  } catch (error) {
    writer.closeSync();
    throw error;
  }
}

const isAfter =
  (position: number) =>
  ({ tags }: AddFile): boolean =>
    Number(tags![changelogTags.lastPosition]) > position;
