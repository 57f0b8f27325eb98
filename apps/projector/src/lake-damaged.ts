import type { DeltaTable } from '#libs/delta-log';
import { changelog } from '#libs/lake';

/** A part of the lake is gone, or of another time than the rest. Going on would forget or contradict what it knew. */
export class LakeDamaged extends Error {
  readonly code = 'lake-damaged';
  constructor(
    readonly table: string,
    problem: string,
  ) {
    super(problem);
    this.name = 'LakeDamaged';
  }
}

/** Versions of a table, and up to where they hold the changelog. */
interface Folded {
  readonly table: { readonly table: string };
  readonly foldPosition: number;
}

/**
 * Versions are folded from the changelog, so they never are ahead of it; a new one beside them would give positions away
 * a second time, and none of them would be folded.
 * @throws LakeDamaged; Fenced where it was read before another projector went on with both
 */
export async function refuseOlderChangelog(
  table: DeltaTable,
  position: number,
  stores: readonly Folded[],
): Promise<void> {
  const ahead = stores.find(({ foldPosition }) => foldPosition > position);
  if (!ahead) return;
  await table.refuseReplaced();
  throw new LakeDamaged(
    changelog.name,
    `The changelog ends at position ${position}, and ${ahead.table.table} is folded up to ${ahead.foldPosition}: the changelog ` +
      'was lost, or is an older copy. Restore all of the lake from one time, or begin another one in an empty folder.',
  );
}
