/**
 * Which files of a table are worth merging. A file is written again only together with so many newer rows that it becomes
 * several times as large, so a row is rewritten a logarithmic number of times in its life, however long the table grows.
 * And whatever is left unmerged shrinks geometrically from the oldest to the newest, so it is never many files. Both hold
 * by the files alone: nothing need be remembered over a restart.
 */

/** How many times its own rows must follow a file before it is written again. */
const growth = 4;

/**
 * Index from which on files (their rows, oldest first) are worth merging: that of the oldest one that is small beside all
 * that follow it. The number of files where none is.
 */
export function firstOutgrown(rows: readonly number[]): number {
  let following = rows.reduce((sum, count) => sum + count, 0);
  for (const [index, count] of rows.entries()) {
    following -= count;
    if (following > 0 && count * growth <= following) return index;
  }
  return rows.length;
}

/**
 * Neighbours in groups, each to become one file: as soon as a group weighs `enough` or has `most` members, the next one
 * begins. A group of one is none.
 */
export function groups<T>(
  items: readonly T[],
  weight: (item: T) => number,
  { enough, most }: { readonly enough: number; readonly most: number },
): T[][] {
  const all: T[][] = [];
  let sum = Infinity;
  for (const item of items) {
    if (sum >= enough || all.at(-1)!.length >= most) {
      all.push([]);
      sum = 0;
    }
    all.at(-1)!.push(item);
    sum += weight(item);
  }
  return all.filter((group) => group.length > 1);
}
