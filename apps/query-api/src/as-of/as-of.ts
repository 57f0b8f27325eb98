import { decodeConsistencyToken, InvalidConsistencyToken, type ConsistencyToken } from '#libs/consistency-token';
import { canonicalText, readInstant, startOfDay } from '#libs/list-query';

/** The moment that an answer is to be true at. */
export type AsOf =
  | { readonly kind: 'now' }
  | { readonly kind: 'position'; readonly position: number }
  /** Microseconds since 1970. */
  | { readonly kind: 'time'; readonly microseconds: bigint }
  /** Now, but not before the token's command is visible. */
  | { readonly kind: 'token'; readonly token: ConsistencyToken }
  /** The cut of a list's first page, and whether it was final. */
  | { readonly kind: 'pinned'; readonly position: number; readonly final: boolean };

export const asOfWanted =
  'an instant like 2026-03-01T08:00:00.123456Z (a + is written %2B), a day (its 00:00 UTC), a position, or a consistency token';

/** null if the text is none of them. */
export function readAsOf(text: string): AsOf | null {
  if (/^\d+$/.test(text))
    return Number.isSafeInteger(Number(text)) ? { kind: 'position', position: Number(text) } : null;
  if (/^\d{4}-\d\d-\d\d$/.test(text))
    return canonicalText('date', text) === text ? { kind: 'time', microseconds: startOfDay(text) } : null;
  const microseconds = readInstant(text);
  if (typeof microseconds === 'bigint') return { kind: 'time', microseconds };
  const token = readToken(text);
  return token && { kind: 'token', token };
}

/** null if the text is no token. */
export function readToken(text: string): ConsistencyToken | null {
  try {
    return decodeConsistencyToken(text);
  } catch (error) {
    if (error instanceof InvalidConsistencyToken) return null;
    throw error;
  }
}
