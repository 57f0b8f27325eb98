import { Fenced } from '#libs/delta-log';
import { SourceChanged } from './sources/change-source.js';

/**
 * What a failure asks for. `park`: going on would lose or guess, a person decides. `standby`: another projector owns lake
 * or source, ask again now and then. `retry`: the cause may pass (a server that restarts, a disk that is full).
 */
export type Reaction = 'park' | 'standby' | 'retry';

/** Codes of errors that mean: somebody else is at work. */
const owned = new Set(['slot-in-use', 'watermark-replaced']);

export function reactionTo(error: Error): Reaction {
  if (error instanceof SourceChanged) return 'park';
  if (error instanceof Fenced) return 'standby';
  return owned.has((error as { code?: string }).code ?? '') ? 'standby' : 'retry';
}
