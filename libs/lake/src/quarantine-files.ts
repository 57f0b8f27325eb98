/**
 * Which of the quarantine's files belong to a table's versions. A rebuild makes another quarantine beside the old one and
 * takes it over in the commit that swaps the versions, although it is another Delta table: it adds the files of the next
 * generation first, names that generation on the versions, and removes the old files after.
 */
import type { Table } from '#libs/catalog';
import type { AddFile, Snapshot } from '#libs/delta-log';
import { appIds } from './changelog.js';

/** Tags of a quarantine file. */
export const quarantineTags = {
  /** Absent: 0. */
  generation: 'migsbyu.generation',
} as const;

/** The generation that goes with a version of the versions. */
export const quarantineGeneration = ({ transactions }: Pick<Snapshot, 'transactions'>): number =>
  transactions.get(appIds.quarantine) ?? 0;

/** Whether a quarantine file is of the table and the generation. */
export const isInQuarantine =
  ({ table }: Table, generation: number) =>
  ({ partitionValues, tags }: Pick<AddFile, 'partitionValues' | 'tags'>): boolean =>
    partitionValues.table === table && Number(tags?.[quarantineTags.generation] ?? 0) === generation;
