/**
 * Files that another program has put into a table of the lake. It reads like one of ours and does not say of itself what
 * ours do (positions, times, period, range of keys, generation), so it is refused: guessed, rows would be missed or twice.
 */
import { isNamedHere, type AddFile, type Metadata } from '#libs/delta-log';
import { changelog, changelogTags } from './changelog.js';

export class ForeignFile extends Error {
  readonly code = 'foreign-file';
  constructor(
    readonly table: string,
    readonly path: string,
  ) {
    const remedy =
      table === changelog.name
        ? 'Restore the changelog from before that: what it holds is nowhere else.'
        : 'Rebuild the versions, which makes them anew from the changelog.';
    super(`File ${path} of ${table} was not written by a projector: another program has changed the table. ${remedy}`);
    this.name = 'ForeignFile';
  }
}

/** @throws ForeignFile */
export function refuseForeignFiles({ name = '' }: Pick<Metadata, 'name'>, files: Iterable<AddFile>): void {
  const isTagged = name === changelog.name ? hasPositions : () => true;
  for (const file of files) if (!isNamedHere(file.path) || !isTagged(file)) throw new ForeignFile(name, file.path);
}

const hasPositions = ({ tags }: AddFile): boolean =>
  Object.values(changelogTags).every((tag) => /^-?\d+$/.test(tags?.[tag] ?? ''));
