/** Every answer is read from one transaction-consistent cut, and tells which. */
import { formatInstant } from '#libs/list-query';
import { Problem } from '#libs/problems';
import { LakeUnavailable } from '../follower/lake-unavailable.js';
import type { Cut, Moment, Reader, ReadSession } from '../follower/reader.js';
import type { Timing } from './timing.js';

/** The cut that an answer is true at. */
export interface AnswerCut {
  /** A transaction's last; 0 before the first transaction. */
  readonly position: number;
  /** Microseconds since 1970 at which that transaction became effective; null before the first. */
  readonly effectiveAt: bigint | null;
  /** Nothing that is still to come can change the answer. */
  readonly final: boolean;
}

export interface Answered<T> {
  readonly cut: AnswerCut;
  readonly value: T;
}

/**
 * Waits for what must be visible, then lets `work` read at the cut asked for.
 * @throws Problem `not-yet-visible` if that is not in time, `unavailable` if the lake cannot be read, or not in time.
 */
export async function answerAt<T>(
  reader: Reader,
  timing: Timing,
  work: (session: ReadSession, cut: AnswerCut) => Promise<T>,
): Promise<Answered<T>> {
  await untilVisible(reader, timing);
  try {
    return await reader.read(async (session) => {
      const cut = await cutOf(session, timing);
      return { cut, value: await work(session, cut) };
    });
  } catch (error) {
    if (!(error instanceof LakeUnavailable)) throw error;
    throw new Problem('unavailable', error.message, { retryAfter: 1, cause: error });
  }
}

/** All waits share one deadline. */
async function untilVisible(reader: Reader, { asOf, tokens, waitMilliseconds }: Timing): Promise<void> {
  const waits = tokens.map((token) => reader.waitFor(token, waitMilliseconds));
  if ('position' in asOf) waits.push(reader.waitForPosition(asOf.position, waitMilliseconds));
  if ((await Promise.all(waits)).every((visible) => visible)) return;
  const what =
    tokens.length > 0 ? 'The change that the token names' : `Position ${'position' in asOf && asOf.position}`;
  const detail = `${what} did not become visible within ${waitMilliseconds / 1000} seconds.`;
  throw new Problem('not-yet-visible', detail, { retryAfter: 1 });
}

async function cutOf(session: ReadSession, { asOf }: Timing): Promise<AnswerCut> {
  const { cut } = session;
  switch (asOf.kind) {
    case 'now':
    case 'token':
      return { position: cut.position, effectiveAt: cut.effectiveAt, final: true };
    case 'time':
      return at(await session.cutAtTime(asOf.microseconds), isFinal(cut, asOf.microseconds));
    default:
      return at(await session.cutAtPosition(asOf.position), asOf.kind === 'pinned' ? asOf.final : true);
  }
}

const at = (moment: Moment | null, final: boolean): AnswerCut => ({ ...(moment ?? beforeAll), final });

const beforeAll = { position: 0, effectiveAt: null };

/**
 * Whether no transaction still to come can be effective at or before a time: effective times strictly increase, and none
 * falls at or below a watermark that was there before it.
 */
const isFinal = ({ effectiveAt, watermark }: Cut, time: bigint): boolean =>
  (effectiveAt !== null && time <= effectiveAt) || (watermark !== null && time <= watermark.time);

/** `as_of` in an answer's body. */
export interface AsOfAnswer {
  readonly position: number;
  readonly time: string | null;
  readonly final: boolean;
}

export const asOfAnswer = ({ position, effectiveAt, final }: AnswerCut): AsOfAnswer => ({
  position,
  time: effectiveAt === null ? null : formatInstant(effectiveAt),
  final,
});

/** The same for those who read no body. */
export function asOfHeaders(cut: AnswerCut): Record<string, string> {
  const { position, time, final } = asOfAnswer(cut);
  return {
    'As-Of-Position': String(position),
    ...(time !== null && { 'As-Of-Time': time }),
    'As-Of-Final': String(final),
  };
}
