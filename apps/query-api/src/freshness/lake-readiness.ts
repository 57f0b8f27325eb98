import { Inject, Injectable } from '@nestjs/common';
import { Problem } from '#libs/problems';
import type { ReadinessIndicator } from '#libs/service';
import { told } from '../follower/lake-unavailable.js';
import { READER, type Reader } from '../follower/reader.js';

@Injectable()
export class LakeReadiness implements ReadinessIndicator {
  readonly name = 'lake';

  constructor(@Inject(READER) private readonly reader: Reader) {}

  async check(): Promise<void> {
    const { ready, reason } = this.reader.freshness();
    if (!ready) throw new Problem('unavailable', told(reason), { retryAfter: 1 });
  }
}
