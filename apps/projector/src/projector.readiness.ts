import { Injectable } from '@nestjs/common';
import { Problem } from '#libs/problems';
import type { ReadinessIndicator } from '#libs/service';
import { Operations } from './operations/operations.js';
import { Projector } from './projector.js';
import { isUnreadable } from './reaction.js';
import { explained } from './remedy.js';
import { SourceWatch } from './watch/source-watch.js';

/**
 * Ready while changes flow from the source into the lake. What stops them is named, with what to do; so is what keeps a
 * table's versions behind, which stops nothing else.
 */
@Injectable()
export class ProjectorReadiness implements ReadinessIndicator {
  readonly name = 'projection';

  constructor(
    private readonly projector: Projector,
    private readonly operations: Operations,
    private readonly watch: SourceWatch,
  ) {}

  async check(): Promise<string | void> {
    const { state, error } = this.projector.status;
    const { troubles } = this.watch.report;
    const told = troubles.map(({ detail }) => detail);
    if (state === 'park') throw new Problem(parkedBy(error!), error!.message, { retryAfter: 60 });
    if (state !== 'streaming')
      throw new Problem('unavailable', [detailOf(state, error), ...told].join(' '), { retryAfter: 1 });
    if (troubles.some(({ stops }) => stops)) throw new Problem('unavailable', told.join(' '), { retryAfter: 1 });
    return [...told, ...this.concerns()].join(' ') || undefined;
  }

  private concerns(): string[] {
    const tables = this.projector.running?.folding.status ?? [];
    return tables.flatMap(({ table, drifted, failure }) => {
      if (drifted) return this.drift(table);
      return failure ? explained(failure, failure.cause) : [];
    });
  }

  private drift(table: string): string {
    const made = `The versions of ${table} were made by another catalog entry; its changes wait in the changelog.`;
    const [last] = this.operations.list('rebuild').filter((one) => one.table === table);
    if (last?.state === 'running')
      return `${made} They are being rebuilt: ${last.done} of ${last.total ?? '?'} positions.`;
    if (last?.error) return `${made} Their rebuild failed and is tried again: ${explained(last.error)}`;
    return `${made} Ask for their rebuild: POST /v1/rebuilds.`;
  }
}

const parkedBy = (error: Error) => (isUnreadable(error) ? 'source-unreadable' : 'source-changed');

function detailOf(state: string, error: Error | null): string {
  const because = error ? ` ${explained(error)}` : '';
  if (state === 'standby') return `Another projector owns lake or source; this one waits as its standby.${because}`;
  if ((error as { code?: string } | null)?.code === 'source-not-ready')
    return `The projection cannot go on by itself.${because}`;
  if (state === 'retry') return `The projection failed and begins anew by itself.${because}`;
  return `The projection is not streaming yet.${because}`;
}
