import type { Snapshot } from '#libs/delta-log';
import { changelogTags } from '#libs/lake';

interface Extent {
  readonly first: number;
  readonly last: number;
  readonly firstEffectiveAt: number;
  readonly lastEffectiveAt: number;
}

function extentsAfter(position: number, { files }: Pick<Snapshot, 'files'>): Extent[] {
  const number = (tags: Record<string, string> | undefined, name: string) => Number(tags![name]);
  return [...files.values()]
    .map(({ tags }) => ({
      first: number(tags, changelogTags.firstPosition),
      last: number(tags, changelogTags.lastPosition),
      firstEffectiveAt: number(tags, changelogTags.firstEffectiveAt),
      lastEffectiveAt: number(tags, changelogTags.lastEffectiveAt),
    }))
    .filter(({ last }) => last > position)
    .sort((a, b) => a.first - b.first);
}

/**
 * Where to stop after about `size` more changes: a file's last position that is also a transaction's last, since a
 * transaction's changes make one version together. One of many files (a snapshot) is therefore never cut: two files with
 * one `effective_at` on both sides of their border share a transaction. null: nothing is left.
 */
export function chunkEnd(snapshot: Pick<Snapshot, 'files'>, position: number, size: number): number | null {
  const extents = extentsAfter(position, snapshot);
  const end = extents.find(
    ({ last, lastEffectiveAt }, i) => last - position >= size && extents[i + 1]?.firstEffectiveAt !== lastEffectiveAt,
  );
  return (end ?? extents.at(-1))?.last ?? null;
}
