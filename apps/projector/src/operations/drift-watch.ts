/**
 * Rebuilds what another catalog entry made, without being asked: until then the table's changes wait in the changelog.
 * A rebuild that fails is tried again after a pause; one that somebody cancelled is not, until the next start.
 */
import type { Projection } from '../projection.js';
import type { Operations } from './operations.js';

type Rebuilds = Pick<Projection['rebuilds'], 'drifted' | 'isStopped' | 'rebuild' | 'tidy'>;

export class DriftWatch {
  constructor(
    private readonly operations: Operations,
    /** Milliseconds between a rebuild that failed and the next. */
    private readonly pause = 30_000,
  ) {}

  /** To be called when the projection owns its source: a standby must not commit. */
  begin({ rebuilds }: { readonly rebuilds: Rebuilds }): void {
    void rebuilds.tidy();
    for (const table of rebuilds.drifted) void this.rebuild(table, rebuilds);
  }

  private async rebuild(table: string, rebuilds: Rebuilds): Promise<void> {
    if (rebuilds.isStopped || !rebuilds.drifted.includes(table)) return;
    const subject = { kind: 'rebuild', table } as const;
    const running = this.operations.running.find((one) => one.kind === subject.kind && one.table === table);
    const { id } =
      running ??
      this.operations.start(subject, { run: (progress, signal) => rebuilds.rebuild(table, progress, signal) });
    await this.operations.whenEnded(id);
    if (this.operations.find(id)?.state !== 'failed') return;
    setTimeout(() => void this.rebuild(table, rebuilds), this.pause).unref();
  }
}
