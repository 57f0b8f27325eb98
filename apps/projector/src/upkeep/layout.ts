import type { AddFile, Snapshot } from '#libs/delta-log';

/** How the rows of a table should lie in files, and which files do not lie so yet. */
export interface Layout {
  readonly kind: 'changelog' | 'period';
  /**
   * Groups of files to be merged, each into one. Depends on nothing but the snapshot and on whether the time is up for
   * what is not many files yet.
   */
  outgrown(snapshot: Snapshot, overdue: boolean): readonly (readonly AddFile[])[];
  /** How the merged rows are to be ordered; null: as they come, one file after the other. */
  readonly orderBy: string | null;
  readonly rowGroup: number;
  tagsOf(files: readonly AddFile[]): Record<string, string>;
  /** A query for one boolean: whether a merged file (its path) holds exactly the rows of the files (a relation). */
  sameRows(merged: string, files: readonly AddFile[], relation: string): string;
}
