import type { DuckDBConnection } from '@duckdb/node-api';
import { loadSnapshot, NoSuchTable, readCommit, type Action, type AddFile, type Snapshot } from '#libs/delta-log';
import { refuseForeignFiles } from '#libs/lake';

export interface CaughtUp {
  readonly moved: boolean;
  /** The files that brought new rows. Some may lie merged in others already: they can be read all the same. */
  readonly added: AddFile[];
  /** Files are gone from the newest version, be it that their rows lie in others now. */
  readonly rearranged: boolean;
}

/** A Delta table as its reader sees it: the log up to where it has been read. */
export class FollowedTable {
  private constructor(
    readonly folder: string,
    readonly snapshot: Snapshot,
  ) {}

  /** @throws NoSuchTable while the projector has not made it; ForeignFile */
  static async open(folder: string, duckdb: DuckDBConnection): Promise<FollowedTable> {
    const snapshot = await loadSnapshot(folder, duckdb);
    if (!snapshot) throw new NoSuchTable(folder);
    refuseForeignFiles(snapshot.metadata, snapshot.files.values());
    forgetRemoved(snapshot);
    return new FollowedTable(folder, snapshot);
  }

  /** Reads what was committed since. @throws LogMovedOn, ForeignFile */
  async catchUp(): Promise<CaughtUp> {
    const { version } = this.snapshot;
    const added: AddFile[] = [];
    let rearranged = false;
    for (let actions; (actions = await readCommit(this.folder, this.snapshot.version + 1));) {
      refuseForeignFiles(this.snapshot.metadata, addsOf(actions));
      this.snapshot.advance(this.snapshot.version + 1, actions);
      for (const action of actions) {
        if ('add' in action && action.add.dataChange) added.push(action.add);
        if ('remove' in action) rearranged = true;
      }
    }
    forgetRemoved(this.snapshot);
    return { moved: this.snapshot.version > version, added, rearranged };
  }

  paths(wanted: (file: AddFile) => boolean): string[] {
    return [...this.snapshot.files.values()].filter(wanted).map(({ path }) => `${this.folder}/${path}`);
  }
}

const addsOf = (actions: readonly Action[]): AddFile[] =>
  actions.flatMap((action) => ('add' in action ? [action.add] : []));

/** A busy changelog replaces a million files a day. When they are deleted is the projector's business. */
const forgetRemoved = (snapshot: Snapshot): void => snapshot.expireTombstones(Infinity);
