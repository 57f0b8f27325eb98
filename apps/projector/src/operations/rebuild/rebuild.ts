/**
 * Makes a table's versions anew from the whole changelog, beside the live ones, while appends, ordinary folds and queries
 * go on, and puts them into the table's place by one commit:
 *
 * 1. fold the changelog from its first change on, in chunks, until little is left;
 * 2. compare what came of it with the live versions, both as of one fold position;
 * 3. keep folds of the table off, fold the rest, and swap.
 *
 * Until the swap nothing is in any version of the table, so a crash or a cancellation leaves it as it was.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { recordsOf, type DeltaTable } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { appIds, configuration } from '#libs/lake';
import type { FoldSchedule } from '../../folding/fold-schedule.js';
import type { VersionStore } from '../../folding/version-store.js';
import { interruptOn } from '../../interrupt-on.js';
import type { TellProgress } from '../operation.js';
import { chunkEnd } from './changelog-chunks.js';
import { compareVersions, sharedColumns, type Differences } from './comparison.js';
import { RebuildMemory } from './rebuild-memory.js';
import { ShadowVersions } from './shadow-versions.js';
import { nextGeneration, swap } from './swap.js';

export interface RebuildReport {
  /** Fold position of the versions when they were swapped in. */
  readonly position: number;
  /** Changes of the table that were folded. */
  readonly changes: number;
  readonly versions: number;
  /** Intervals in which a key's state did not type. */
  readonly quarantined: number;
  /** Whether the table was made by another catalog entry. */
  readonly drifted: boolean;
  readonly columns: ColumnChanges;
  /** Old and new versions as of this position. */
  readonly compared_at: number;
  readonly differences: Differences;
}

interface ColumnChanges {
  readonly compared: readonly string[];
  readonly added: readonly string[];
  readonly dropped: readonly string[];
  readonly retyped: readonly string[];
}

export interface RebuiltTable {
  readonly store: VersionStore;
  readonly changelog: DeltaTable;
  readonly folding: Pick<FoldSchedule, 'exclusively'>;
}

/** Changes of the changelog that are folded at once. */
const chunkSize = 500_000;
/** So few are folded while the table's ordinary folds wait. */
const littleLeft = 20_000;

export class Rebuild {
  private readonly shadow: ShadowVersions;
  private readonly memory: RebuildMemory;
  private readonly generation: number;
  /** A version of a table may name its files from here on, also where a commit failed: none may be deleted. */
  private handedOver = false;

  /** `duckdb` is this rebuild's alone. */
  constructor(
    private readonly of: RebuiltTable,
    private readonly duckdb: DuckDBConnection,
    private readonly chunk = chunkSize,
  ) {
    this.generation = nextGeneration(of.store);
    this.shadow = new ShadowVersions(of.store, this.generation);
    this.memory = new RebuildMemory(duckdb);
  }

  /** @throws what the signal aborts with, before anything is committed */
  async run(progress: TellProgress, signal: AbortSignal): Promise<RebuildReport> {
    const done = interruptOn(signal, this.duckdb);
    try {
      const report = await this.make(progress, signal);
      await this.of.folding.exclusively(this.of.store.table.table, () => this.takeOver(progress, signal));
      return { ...report, ...this.size(), position: this.shadow.foldPosition };
    } catch (error) {
      if (!this.handedOver) await this.shadow.discard().catch(() => {}); // the first error is the one to tell
      signal.throwIfAborted();
      throw error;
    } finally {
      done();
    }
  }

  private async make(progress: TellProgress, signal: AbortSignal) {
    await this.catchUp(progress, signal);
    const report = await this.compare();
    await this.catchUp(progress, signal); // with what came during the comparison
    return report;
  }

  /** From its quarantine's commit on it goes through: a cancellation in between would find the table either way. */
  private async takeOver(progress: TellProgress, signal: AbortSignal): Promise<void> {
    await this.foldTo(this.tip, progress, signal);
    await this.shadow.refuseLost();
    signal.throwIfAborted();
    this.handedOver = true;
    await swap(this.of.store, this.shadow, this.generation);
  }

  /** Until no more than a little has come meanwhile. */
  private async catchUp(progress: TellProgress, signal: AbortSignal): Promise<void> {
    do await this.foldTo(this.tip, progress, signal);
    while (this.tip - this.shadow.foldPosition > littleLeft);
  }

  private async foldTo(position: number, progress: TellProgress, signal: AbortSignal): Promise<void> {
    while (this.shadow.foldPosition < position) {
      signal.throwIfAborted();
      await failpoint('rebuild.before-fold', this.of.store.versions.folder);
      const end = chunkEnd(this.of.changelog.snapshot, this.shadow.foldPosition, this.chunk)!;
      await this.memory.fit(() => this.shadow.foldTo(end, this.of.changelog, this.duckdb));
      progress(this.shadow.foldPosition, this.tip);
    }
  }

  private get tip(): number {
    return this.of.changelog.snapshot.transactions.get(appIds.position) ?? 0;
  }

  /** The old versions' files stay readable for the table's retention, also where a fold replaces them meanwhile. */
  private async compare() {
    const { store } = this.of;
    const { versions, table, foldPosition, drifted } = store;
    const live = { table: tableOf(store), folder: versions.folder, files: [...versions.snapshot.files.values()] };
    const made = { table, folder: versions.folder, files: this.shadow.versions };
    const position = Math.min(foldPosition, this.shadow.foldPosition);
    return {
      ...{ drifted, columns: columnChanges(live.table, table), compared_at: position },
      differences: await this.memory.fit(() => compareVersions(live, made, position, this.duckdb)),
    };
  }

  private size() {
    const rows = (files: ShadowVersions['versions']) => files.reduce((sum, file) => sum + recordsOf(file), 0);
    const { changes, versions, quarantine } = this.shadow;
    return { changes, versions: rows(versions), quarantined: rows(quarantine) };
  }
}

/** The catalog entry that made the live versions, which is not the store's where they drifted. */
const tableOf = ({ versions }: VersionStore): Table =>
  JSON.parse(versions.snapshot.metadata.configuration[configuration.table]!) as Table;

function columnChanges(old: Table, made: Table): ColumnChanges {
  const compared = sharedColumns(old, made).map(({ name }) => name);
  const [before, after] = [old, made].map(({ columns }) => new Set(columns.map(({ name }) => name)));
  return {
    compared,
    added: [...after!].filter((name) => !before!.has(name)),
    dropped: [...before!].filter((name) => !after!.has(name)),
    retyped: [...after!].filter((name) => before!.has(name) && !compared.includes(name)),
  };
}
