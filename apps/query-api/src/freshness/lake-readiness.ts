import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '#libs/problems';
import type { ReadinessIndicator } from '#libs/service';
import { READER, type Reader } from '../follower/reader.js';

@Injectable()
export class LakeReadiness implements ReadinessIndicator {
  readonly name = 'lake';

  constructor(@Inject(READER) private readonly reader: Reader) {}

  /** Why it is not followed is in the log: it may name folders, which are nobody's business outside. */
  async check(): Promise<void> {
    if (this.reader.freshness().ready) return;
    throw new Problem('unavailable', 'The lake was not opened yet, or following it fails.', { retryAfter: 1 });
  }
}
