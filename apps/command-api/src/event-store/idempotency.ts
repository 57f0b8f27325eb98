import { encodeConsistencyToken, type ConsistencyToken } from '#libs/consistency-token';
import { createHash } from 'node:crypto';
import type { PrismaClient } from '../generated/prisma/client.js';
import { Rejection, type RejectionCode } from '../rejection.js';
import { prepare } from './connection.js';
import type { KeptAnswer } from './load.js';
import { failureOf, sqlErrorOf, violates } from './sql-error.js';

/** Made by `idempotencyKey`. */
export interface IdempotencyKey {
  /** UUID from actor, method, path and the client's key. */
  readonly key: string;
  /** UUID from the body. */
  readonly request: string;
}

/**
 * What a client's Idempotency-Key stands for: one request of one actor. `url` is the path with its query; `body` is the
 * parsed body, undefined where there is none.
 */
export function idempotencyKey(
  request: { actor: string; method: string; url: string; body: unknown },
  header: string,
): IdempotencyKey {
  const { actor, method, url, body } = request;
  // as JSON, so that no two lists of parts run into the same text
  return { key: digest(JSON.stringify([actor, method, url, header])), request: digest(JSON.stringify([body])) };
}

/** The first 128 bits of SHA-256, as a UUID. */
function digest(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; absent for an answer without a body. */
  readonly body?: unknown;
}

/** The answer to the first request. @throws Rejection if that was refused, or if this is not the same request */
export function replay(kept: KeptAnswer, { request }: IdempotencyKey): Answer {
  if (kept.request !== request)
    throw new Rejection(
      'idempotency-key-reused',
      'This Idempotency-Key came before with another body. Every new request wants a key of its own.',
    );
  if (kept.outcome === 'answered') return JSON.parse(kept.answer) as Answer;
  const { code, detail, details } = JSON.parse(kept.answer) as KeptRefusal;
  throw new Rejection(code, detail, details, { ...tokenHeader(kept.token), 'Idempotency-Replayed': 'true' });
}

export const tokenHeader = (token: ConsistencyToken | null): Record<string, string> =>
  token ? { 'Consistency-Token': encodeConsistencyToken(token) } : {};

interface KeptRefusal {
  readonly code: RejectionCode;
  readonly detail: string;
  readonly details: Readonly<Record<string, unknown>>;
}

const KEEP = prepare(`INSERT INTO internal.idempotency (key, request, outcome, answer, tx_id, lsn, issued_at)
  VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text::xid8, $6::text::pg_lsn, $7::text::timestamptz)`);

/**
 * Keeps an answer that no event came with, under the same lock as the others. False: an equal request was faster, and its
 * answer is the one to give. `token` is that of the stream's last change.
 */
export async function keep(
  database: Pick<PrismaClient, '$executeRawUnsafe'>,
  { key, request }: IdempotencyKey,
  answer: Answer | Rejection,
  token: ConsistencyToken | null,
): Promise<boolean> {
  const refused = answer instanceof Rejection;
  const text = refused ? { code: answer.code, detail: answer.detail, details: answer.details } : answer;
  const origin = [token?.xid ?? null, token?.lsn ?? null, token?.issued_at ?? null];
  try {
    const outcome = refused ? 'refused' : 'answered';
    await database.$executeRawUnsafe(KEEP, key, request, outcome, JSON.stringify(text), ...origin);
    return true;
  } catch (error) {
    const failure = sqlErrorOf(error);
    if (violates(failure, 'idempotency_pkey')) return false;
    throw failureOf(failure);
  }
}

/**
 * Deletes the keys that are older than a day, in slices: one large delete would hold its locks, and the log's end, for
 * long. Returns how many there were. Those that a simulation may still ask for stay: one that lay broken for days goes on
 * from its last progress, and must find what it had done since then.
 */
export async function forgetOldKeys(database: PrismaClient, slice = 1000): Promise<number> {
  for (let forgotten = 0; ;) {
    const deleted = await database.$executeRaw`
      DELETE FROM internal.idempotency WHERE key = ANY (ARRAY(
        SELECT key FROM internal.idempotency AS i WHERE created_at < now() - interval '24 hours' AND NOT EXISTS (
          SELECT FROM internal.simulations
          WHERE state = 'running' AND i.created_at > progressed_at - interval '1 hour')
        LIMIT ${slice} FOR UPDATE SKIP LOCKED))`;
    forgotten += deleted;
    if (deleted < slice) return forgotten;
  }
}
