import { Problem } from '#libs/problems';
import type { Projection } from '../projection.js';
import type { Projector } from '../projector.js';

/** The projection that runs. @throws Problem (503) while none does, with the reason that there is */
export function projectionOf({ running, status }: Projector): Projection {
  if (running) return running;
  const because = status.error ? ` ${status.error.message}` : '';
  throw new Problem('unavailable', `No lake is open: the projector is in the state ${status.state}.${because}`, {
    retryAfter: 1,
  });
}
