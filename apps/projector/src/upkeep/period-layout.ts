/** Closed versions in few files a period, each in the order of the keys. A period that is over is never written again. */
import { surrogateKey, type Table } from '#libs/catalog';
import { recordsOf, type AddFile } from '#libs/delta-log';
import { identifier, literal } from '#libs/scd2';
import { periodTag } from '../folding/version-files.js';
import type { Layout } from './layout.js';
import { firstOutgrown, groups } from './tiers.js';

export interface PeriodLayoutOptions {
  /** Files of a period that are not merged. */
  readonly files: number;
  /** Rows from which on a file is large enough: sorting them is what a merge costs. */
  readonly rows: number;
}

export function periodLayout(table: Table, { files: limit, rows }: PeriodLayoutOptions): Layout {
  const orderBy = `${table.key.map(identifier).join(', ')}, opened_tx`;
  const key = identifier(surrogateKey(table));
  const trace = (relation: string) =>
    `(SELECT (count(*), sum(${key}), bit_xor(hash(${key}, opened_tx, closed_tx))) FROM ${relation})`;
  return {
    kind: 'period',
    outgrown: ({ files }) =>
      [...closedByPeriod(files.values()).values()].flatMap((closed) => {
        const small = closed.filter((file) => recordsOf(file) < rows);
        if (small.length <= limit) return [];
        const first = Math.min(firstOutgrown(small.map(recordsOf)), limit - 1);
        return groups(small.slice(first), recordsOf, { enough: rows, most: Infinity });
      }),
    orderBy,
    rowGroup: 122_880,
    tagsOf: ([file]) => ({ [periodTag]: file!.tags![periodTag]! }),
    sameRows: (merged, _files, relation) =>
      `SELECT ${trace(relation)} = ${trace(`read_parquet(${literal(merged)})`)} AS same`,
  };
}

/** In the order of the log, so from the oldest to the newest. */
function closedByPeriod(files: Iterable<AddFile>): Map<string, AddFile[]> {
  const periods = new Map<string, AddFile[]>();
  for (const file of files) {
    const period = file.tags?.[periodTag];
    if (file.partitionValues.is_current !== 'false' || period === undefined) continue;
    periods.set(period, [...(periods.get(period) ?? []), file]);
  }
  return periods;
}
