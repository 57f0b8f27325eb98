/**
 * Versions that grow beside the live ones, from the first change on, in files that no version of any table names. So a
 * crash leaves files that `vacuum` deletes when they are a day old, and nothing else; what the next chunk replaces is
 * deleted at once.
 */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { AddFile } from '#libs/delta-log';
import { foldFiles, type Changelog } from '../../folding/fold-files.js';
import type { VersionFiles } from '../../folding/version-files.js';
import type { VersionStore } from '../../folding/version-store.js';

/** A file that a rebuild wrote is gone: something deletes files of the lake that is no vacuum of this process. */
export class ShadowLost extends Error {
  readonly code = 'rebuild-file-lost';
  constructor(readonly path: string) {
    super(`${path}, which the rebuild wrote, is gone; the table stays as it was. See who deletes files in the lake.`);
    this.name = 'ShadowLost';
  }
}

export class ShadowVersions {
  private files: VersionFiles;
  private closed: readonly AddFile[] = [];
  private folded = 0;

  constructor({ files }: VersionStore, generation: number) {
    const { table, folder, quarantine } = files;
    this.files = {
      ...{ table, folder, foldPosition: 0, since: new Map(), open: [] },
      quarantine: { folder: quarantine.folder, generation, files: [] },
    };
  }

  get foldPosition(): number {
    return this.files.foldPosition;
  }

  get since(): VersionFiles['since'] {
    return this.files.since;
  }

  /** Changes of the table that were folded. */
  get changes(): number {
    return this.folded;
  }

  get versions(): readonly AddFile[] {
    return [...this.files.open, ...this.closed];
  }

  get quarantine(): readonly AddFile[] {
    return this.files.quarantine.files;
  }

  /** `position`: a transaction's last that the changelog holds. */
  async foldTo(position: number, changelog: Changelog, duckdb: DuckDBConnection): Promise<void> {
    const outcome = await foldFiles(this.files, changelog, position, duckdb);
    const { changes, added, removedOpen, quarantine, since } = outcome;
    const before = this.files;
    const replaced = new Set(removedOpen.map(({ path }) => path));
    this.files = {
      ...before,
      ...{ foldPosition: position, since },
      open: [...before.open.filter(({ path }) => !replaced.has(path)), ...added.filter(isOpen)],
      quarantine: { ...before.quarantine, files: quarantine ?? before.quarantine.files },
    };
    this.closed = [...this.closed, ...added.filter((file) => !isOpen(file))];
    this.folded += changes;
    await remove(before.folder, removedOpen);
    if (quarantine) await remove(before.quarantine.folder, before.quarantine.files);
  }

  /** @throws ShadowLost */
  async refuseLost(): Promise<void> {
    const paths = [
      ...this.versions.map(({ path }) => join(this.files.folder, path)),
      ...this.quarantine.map(({ path }) => join(this.files.quarantine.folder, path)),
    ];
    for (const path of paths)
      await stat(path).catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'ENOENT' ? new ShadowLost(path) : error;
      });
  }

  /** Deletes everything; only while no version names it. */
  async discard(): Promise<void> {
    await remove(this.files.folder, this.versions);
    await remove(this.files.quarantine.folder, this.quarantine);
  }
}

const isOpen = ({ partitionValues }: AddFile): boolean => partitionValues.is_current === 'true';

async function remove(folder: string, files: readonly AddFile[]): Promise<void> {
  for (const { path } of files) await rm(join(folder, path), { force: true });
}
