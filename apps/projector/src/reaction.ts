import { Fenced } from '#libs/delta-log';
import { SourceChanged } from './sources/change-source.js';

/**
 * What a failure asks for. `park`: going on would lose or guess, a person decides. `standby`: another projector owns lake
 * or source, ask again now and then. `retry`: the cause may pass (a server that restarts, a disk that is full).
 */
export type Reaction = 'park' | 'standby' | 'retry';

/** Codes of errors that mean: somebody else is at work. */
const owned = new Set(['slot-in-use', 'watermark-replaced']);

/** Codes of errors that come again however often it is tried: what the source has there cannot be read. */
const lasting = new Set(['unreadable-record', 'topic-compacted', 'columns-untold', 'value-untold']);

export function reactionTo(error: Error): Reaction {
  if (error instanceof SourceChanged || isUnreadable(error)) return 'park';
  return error instanceof Fenced || owned.has(codeOf(error)) ? 'standby' : 'retry';
}

/** Whether the source is the one it was, and what it has there cannot be read. */
export const isUnreadable = (error: Error): boolean => lasting.has(codeOf(error));

const codeOf = (error: Error): string => (error as { code?: string }).code ?? '';
