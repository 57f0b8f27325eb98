/** Position and time map one to one: this finds one from the other in the changelog's files, and where transactions end. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { AddFile } from '#libs/delta-log';
import { changelogTags, parquet, rowsOf } from '#libs/lake';
import type { Moment } from './reader.js';

interface Extent {
  readonly path: string;
  readonly first: number;
  readonly last: number;
  readonly firstEffectiveAt: bigint;
  /** Of a large file: where its row groups begin. Looked up once. */
  groups?: Promise<Start[]>;
}

type Start = Pick<Extent, 'first' | 'firstEffectiveAt'>;

/** Rows that cost less to read than to look up where among them to begin. */
const fewRows = 50_000;

export class Timeline {
  /** By position, without gap or overlap. */
  private extents: Extent[] = [];

  constructor(private readonly folder: string) {}

  /** Files of new rows. */
  add(files: Iterable<AddFile>): void {
    const before = this.extents.at(-1);
    for (const file of files) this.extents.push(this.extentOf(file));
    if (!before) this.sort();
  }

  /**
   * Takes all of the changelog's files for those that it knew: some of them lie merged in others now, and will be deleted
   * when nobody can be reading them any more. What an older cut asks for is in the new ones, too.
   */
  replace(files: Iterable<AddFile>): void {
    const known = new Map(this.extents.map((extent) => [extent.path, extent]));
    const extents = [...files].map((file) => this.extentOf(file));
    this.extents = extents.map((extent) => known.get(extent.path) ?? extent);
    this.sort();
  }

  /** When the oldest change after `position` became effective, to the file; null if there is none. */
  effectiveAfter(position: number): bigint | null {
    const extent = lastWhere(this.extents, ({ first }) => first <= position + 1);
    return extent && extent.last > position ? extent.firstEffectiveAt : null;
  }

  /** The last transaction's end at or before `position`, which is below `tip` (law 2). null: before the first. */
  async atPosition(position: number, tip: Moment, duckdb: DuckDBConnection): Promise<Moment | null> {
    if (position >= tip.position) return tip;
    if (position < 1) return null;
    const here = await this.row(position, duckdb);
    const next = await this.row(position + 1, duckdb);
    if (next.tx_position === position + 1) return { position, effectiveAt: here.effective_at };
    const end = here.tx_position - 1;
    return end < 1 ? null : { position: end, effectiveAt: (await this.row(end, duckdb)).effective_at };
  }

  /** The last transaction effective at or before `microseconds`. null: before the first. */
  async atTime(microseconds: bigint, tip: Moment, duckdb: DuckDBConnection): Promise<Moment | null> {
    if (microseconds >= tip.effectiveAt) return tip;
    const extent = lastWhere(this.extents, ({ firstEffectiveAt }) => firstEffectiveAt <= microseconds);
    if (!extent) return null;
    const start = await this.startIn(extent, microseconds, duckdb);
    const [row] = await rowsOf(
      duckdb,
      `SELECT position, epoch_us(effective_at) AS effective_at FROM ${parquet([extent.path])}
       WHERE position >= ${start.first} AND position <= ${start.last} AND effective_at <= make_timestamptz(${microseconds})
       ORDER BY position DESC LIMIT 1`,
    );
    return { position: Number(row!.position), effectiveAt: row!.effective_at as bigint };
  }

  /** Positions of `extent` among which is the last that is effective at or before `microseconds`. */
  private async startIn(extent: Extent, microseconds: bigint, duckdb: DuckDBConnection) {
    if (extent.last - extent.first < fewRows) return extent;
    const starts = await (extent.groups ??= groupsOf(extent, duckdb).catch((error: unknown) => {
      delete extent.groups;
      throw error;
    }));
    const start = lastWhere(starts, ({ firstEffectiveAt }) => firstEffectiveAt <= microseconds) ?? extent;
    const next = starts[starts.indexOf(start) + 1];
    return { first: start.first, last: next ? next.first - 1 : extent.last };
  }

  private async row(position: number, duckdb: DuckDBConnection) {
    const extent = lastWhere(this.extents, ({ first }) => first <= position)!;
    const [row] = await rowsOf(
      duckdb,
      `SELECT tx_position, epoch_us(effective_at) AS effective_at FROM ${parquet([extent.path])} WHERE position = ${position}`,
    );
    return { tx_position: Number(row!.tx_position), effective_at: row!.effective_at as bigint };
  }

  private sort(): void {
    this.extents.sort((a, b) => a.first - b.first);
  }

  private extentOf({ path, tags }: AddFile): Extent {
    return {
      path: `${this.folder}/${path}`,
      first: Number(tags![changelogTags.firstPosition]),
      last: Number(tags![changelogTags.lastPosition]),
      firstEffectiveAt: BigInt(tags![changelogTags.firstEffectiveAt]!),
    };
  }
}

/** `wanted` holds for a beginning of the list. */
function lastWhere<T>(sorted: readonly T[], wanted: (item: T) => boolean): T | undefined {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (wanted(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return sorted[low - 1];
}

/** By the file's own statistics: a filter on the time alone reads all that is older, 90 ms of two million rows. */
async function groupsOf({ path }: Extent, duckdb: DuckDBConnection): Promise<Start[]> {
  const minimum = (column: string) => `max(stats_min_value) FILTER (path_in_schema = '${column}')`;
  const rows = await rowsOf(
    duckdb,
    `SELECT ${minimum('position')}::BIGINT AS first, epoch_us(${minimum('effective_at')}::TIMESTAMPTZ) AS at
     FROM parquet_metadata('${path.replaceAll("'", "''")}') GROUP BY row_group_id ORDER BY row_group_id`,
  );
  return rows.map(({ first, at }) => ({ first: Number(first), firstEffectiveAt: at as bigint }));
}
