/**
 * Proves on a running system that the lake's open versions are the source's rows (law 10).
 *
 * All of the source's rows are read at one point C of its log; then, once the lake is complete up to C, they are compared
 * with the lake as of the last commit at or before C. So whatever is written meanwhile, on either side, is on both or on
 * none. It needs nothing of a running projection but the files that it writes, and takes nothing from it but time.
 */
import type { Catalog } from '#libs/catalog';
import { formatLsn } from '#libs/change-event';
import { failpoint } from '#libs/failpoints';
import type { Operation, TellProgress } from '../operations/operation.js';
import { compareTable, type TableComparison } from './comparison.js';
import { lakeStand, positionAt, untilComplete } from './lake-position.js';
import { lakeStateAt } from './lake-state.js';
import { readSourceRows, type VerifiedSource } from './source-rows.js';
import { Workspace } from './workspace.js';

export interface VerificationReport {
  /** Nothing is missing, extra or different. */
  readonly equal: boolean;
  /** The cut of the lake that was compared. */
  readonly position: number;
  /** The point of the source's log that it stands for. */
  readonly lsn: string;
  readonly tables: readonly TableComparison[];
}

export interface VerificationOptions {
  readonly source: VerifiedSource;
  /** Path of the lake's folder. */
  readonly lake: string;
  readonly catalog: Catalog;
  /** Takes about what the rows take as text, while it runs. */
  readonly temporaryFolder: string;
  /** Milliseconds that the lake may take to become complete up to the comparison's point. Default: two minutes. */
  readonly patience?: number;
}

export class Verification implements Operation<VerificationReport> {
  /** Of all tables at one point, or of one. */
  constructor(
    private readonly options: VerificationOptions,
    private readonly table: string | null = null,
  ) {}

  /**
   * Progress counts rows: read, then compared.
   * @throws SourceChanged, TablesRewritten, LakeWithoutSnapshot, LakeBehind, EpochChanged, KeyNotInSource, TableInMotion
   */
  async run(progress: TellProgress, signal: AbortSignal): Promise<VerificationReport> {
    const workspace = await Workspace.open(this.options.temporaryFolder);
    const interrupt = () => workspace.interrupt();
    signal.addEventListener('abort', interrupt);
    try {
      return await this.compareAll(workspace, progress, signal);
    } catch (error) {
      signal.throwIfAborted(); // what broke off because of it says less
      throw error;
    } finally {
      signal.removeEventListener('abort', interrupt);
      await workspace.close();
    }
  }

  private async compareAll({ duckdb, folder }: Workspace, progress: TellProgress, signal: AbortSignal) {
    const { lake, source, catalog, patience = 120_000 } = this.options;
    const tables = catalog.tables.filter(({ table }) => this.table === null || table === this.table);
    const stand = await lakeStand(lake, duckdb);
    const { epoch } = stand;
    const rows = await readSourceRows({ source, tables, epoch }, folder, (read) => progress(read, null), signal);
    const { lsn } = rows;
    await untilComplete(lake, { epoch, lsn }, duckdb, { patience, signal });
    const position = await positionAt(lake, lsn, stand, duckdb);
    const all = [...rows.tables.values()].reduce((sum, { rows }) => sum + rows, 0);
    const compared: TableComparison[] = [];
    for (const table of tables) {
      signal.throwIfAborted();
      await failpoint('verification.before-comparison');
      const state = await lakeStateAt(lake, table, position, duckdb);
      compared.push(await compareTable(rows.tables.get(table.table)!, state, duckdb));
      progress(all + compared.reduce((sum, { rows }) => sum + rows, 0), 2 * all);
    }
    const equal = compared.every(({ missing, extra, different }) => missing + extra + different === 0);
    return { equal, position, lsn: formatLsn(lsn), tables: compared };
  }
}
