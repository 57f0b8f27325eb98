/** The changelog in files of some size, each of adjacent positions, in order. */
import type { AddFile } from '#libs/delta-log';
import { changelogTags } from '#libs/lake';
import { recordsOf } from '#libs/delta-log';
import { literal } from '#libs/scd2';
import type { Layout } from './layout.js';
import { firstOutgrown, groups } from './tiers.js';

export interface ChangelogLayoutOptions {
  /** So many small files are merged without waiting for their time. */
  readonly files: number;
  /** Bytes from which on a file is not small. */
  readonly fileSize: number;
  /** Position up to which every table is folded. */
  readonly folded: () => number;
}

/** Files of one merge, so that it is bounded also where nobody has merged for long. */
const mostFiles = 2000;

/**
 * A merge takes in only what is folded, so that neither the next fold nor a reader that starts need look for few changes
 * in a large file; unless folding hangs and files become too many.
 */
export function changelogLayout({ files: limit, fileSize, folded }: ChangelogLayoutOptions): Layout {
  return {
    kind: 'changelog',
    outgrown({ files }, overdue) {
      const end = files.size < 4 * limit ? folded() : Infinity;
      const inOrder = [...files.values()].filter((file) => lastPosition(file) <= end);
      inOrder.sort((a, b) => firstPosition(a) - firstPosition(b));
      const runs = runsOf(inOrder, (file) => file.size < fileSize);
      if (!overdue && runs.flat().length < limit) return [];
      return runs.flatMap((run) =>
        groups(run.slice(firstOutgrown(run.map(recordsOf))), ({ size }) => size, { enough: fileSize, most: mostFiles }),
      );
    },
    orderBy: null,
    rowGroup: 122_880,
    tagsOf: (files) => ({
      [changelogTags.firstPosition]: files[0]!.tags![changelogTags.firstPosition]!,
      [changelogTags.lastPosition]: files.at(-1)!.tags![changelogTags.lastPosition]!,
      [changelogTags.firstEffectiveAt]: files[0]!.tags![changelogTags.firstEffectiveAt]!,
      [changelogTags.lastEffectiveAt]: files.at(-1)!.tags![changelogTags.lastEffectiveAt]!,
    }),
    /** Positions are dense: each of them is there, once, and in its place, or the file is wrong. */
    sameRows(merged, files) {
      const [first, last] = [firstPosition(files[0]!), lastPosition(files.at(-1)!)];
      return `SELECT count(*) = ${last - first + 1} AND bool_and(position = ${first} + file_row_number) AS same
        FROM read_parquet(${literal(merged)}, file_row_number = true)`;
    },
  };
}

const firstPosition = ({ tags }: AddFile): number => Number(tags![changelogTags.firstPosition]);
const lastPosition = ({ tags }: AddFile): number => Number(tags![changelogTags.lastPosition]);

/** Neighbours of which each is `wanted`. */
function runsOf(files: readonly AddFile[], wanted: (file: AddFile) => boolean): AddFile[][] {
  const runs: AddFile[][] = [[]];
  for (const file of files) {
    if (wanted(file)) runs.at(-1)!.push(file);
    else runs.push([]);
  }
  return runs;
}
