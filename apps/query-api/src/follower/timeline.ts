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
}

export class Timeline {
  /** By position, without gap or overlap. */
  private readonly extents: Extent[] = [];

  constructor(private readonly folder: string) {}

  add(files: Iterable<AddFile>): void {
    const before = this.extents.at(-1);
    for (const { path, tags } of files)
      this.extents.push({
        path: `${this.folder}/${path}`,
        first: Number(tags![changelogTags.firstPosition]),
        last: Number(tags![changelogTags.lastPosition]),
        firstEffectiveAt: BigInt(tags![changelogTags.firstEffectiveAt]!),
      });
    if (!before) this.extents.sort((a, b) => a.first - b.first);
  }

  /** When the oldest change after `position` became effective, to the file; null if there is none. */
  effectiveAfter(position: number): bigint | null {
    const extent = this.lastWhere(({ first }) => first <= position + 1);
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
    const extent = this.lastWhere(({ firstEffectiveAt }) => firstEffectiveAt <= microseconds);
    if (!extent) return null;
    const [row] = await rowsOf(
      duckdb,
      `SELECT position, epoch_us(effective_at) AS effective_at FROM ${parquet([extent.path])}
       WHERE epoch_us(effective_at) <= ${microseconds} ORDER BY position DESC LIMIT 1`,
    );
    return { position: Number(row!.position), effectiveAt: row!.effective_at as bigint };
  }

  private async row(position: number, duckdb: DuckDBConnection) {
    const extent = this.lastWhere(({ first }) => first <= position)!;
    const [row] = await rowsOf(
      duckdb,
      `SELECT tx_position, epoch_us(effective_at) AS effective_at FROM ${parquet([extent.path])} WHERE position = ${position}`,
    );
    return { tx_position: Number(row!.tx_position), effective_at: row!.effective_at as bigint };
  }

  /** `wanted` holds for a beginning of the list. */
  private lastWhere(wanted: (extent: Extent) => boolean): Extent | undefined {
    let [low, high] = [0, this.extents.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (wanted(this.extents[middle]!)) low = middle + 1;
      else high = middle;
    }
    return this.extents[low - 1];
  }
}
