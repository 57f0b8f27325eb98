import type { DeltaTable } from '#libs/delta-log';
import { changelogTags } from '#libs/lake';

/** Counted once a commit: each transaction asks, and there are up to a thousand files. */
export class UnfoldedBytes {
  private counted = { version: -1, position: -1, bytes: 0 };

  constructor(private readonly changelog: DeltaTable) {}

  /** Of the changelog's files that hold changes after `position`. */
  after(position: number): number {
    const { version, files } = this.changelog.snapshot;
    if (this.counted.version === version && this.counted.position === position) return this.counted.bytes;
    const bytes = [...files.values()]
      .filter(({ tags }) => Number(tags![changelogTags.lastPosition]) > position)
      .reduce((sum, { size }) => sum + size, 0);
    this.counted = { version, position, bytes };
    return bytes;
  }
}
