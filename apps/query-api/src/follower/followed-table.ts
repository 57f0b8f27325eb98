import type { DuckDBConnection } from '@duckdb/node-api';
import { loadSnapshot, NoSuchTable, readCommit, type AddFile, type Snapshot } from '#libs/delta-log';

/** A Delta table as its reader sees it: the log up to where it has been read. */
export class FollowedTable {
  private constructor(
    readonly folder: string,
    readonly snapshot: Snapshot,
  ) {}

  /** @throws NoSuchTable while the projector has not made it */
  static async open(folder: string, duckdb: DuckDBConnection): Promise<FollowedTable> {
    const snapshot = await loadSnapshot(folder, duckdb);
    if (!snapshot) throw new NoSuchTable(folder);
    return new FollowedTable(folder, snapshot);
  }

  /** Reads what was committed since. Returns the files that brought new rows; @throws LogMovedOn */
  async catchUp(): Promise<{ moved: boolean; added: AddFile[] }> {
    const { version } = this.snapshot;
    const added: AddFile[] = [];
    for (let actions; (actions = await readCommit(this.folder, this.snapshot.version + 1));) {
      this.snapshot.advance(this.snapshot.version + 1, actions);
      for (const action of actions) if ('add' in action && action.add.dataChange) added.push(action.add);
    }
    return { moved: this.snapshot.version > version, added };
  }

  paths(wanted: (file: AddFile) => boolean): string[] {
    return [...this.snapshot.files.values()].filter(wanted).map(({ path }) => `${this.folder}/${path}`);
  }
}
