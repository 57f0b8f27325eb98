import { Injectable } from '@nestjs/common';
import { Problem } from '#libs/problems';
import type { ReadinessIndicator } from '#libs/service';
import { Projector } from './projector.js';

/** Ready while changes flow from the source into the lake. What stops them is named, with what to do. */
@Injectable()
export class ProjectorReadiness implements ReadinessIndicator {
  readonly name = 'projection';

  constructor(private readonly projector: Projector) {}

  check(): Promise<void> {
    const { state, error } = this.projector.status;
    if (state === 'streaming') return Promise.resolve();
    if (state === 'park') return Promise.reject(new Problem('source-changed', error!.message, { retryAfter: 60 }));
    return Promise.reject(new Problem('unavailable', detailOf(state, error), { retryAfter: 1 }));
  }
}

function detailOf(state: string, error: Error | null): string {
  const because = error ? ` ${error.message}` : '';
  if (state === 'standby') return `Another projector owns lake or source; this one waits as its standby.${because}`;
  if (state === 'retry') return `The projection failed and begins anew by itself.${because}`;
  return `The projection is not streaming yet.${because}`;
}
