import { createHash } from 'node:crypto';
import type { IdempotencyKey } from './command-executor.js';

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
