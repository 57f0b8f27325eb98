import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { invalid } from '#libs/problems';

export const correlationHeader = 'x-correlation-id';

const usable = /^[\x21-\x7e]{1,128}$/;

/** The id under which everything that a request causes is found: the caller's, else a new one. */
export function correlationIdOf(headers: IncomingHttpHeaders): string {
  const given = headers[correlationHeader];
  return typeof given === 'string' && usable.test(given) ? given : randomUUID();
}

/** @throws Problem if the caller gave an id that cannot be used: answering under another one would hide the request. */
export function checkCorrelationId(headers: IncomingHttpHeaders): void {
  const given = headers[correlationHeader];
  if (given === undefined || usable.test(String(given))) return;
  const wanted = '1 to 128 visible ASCII characters without spaces';
  const detail = `X-Correlation-Id is ${JSON.stringify(given)}; wanted is ${wanted}.`;
  throw invalid([{ header: 'X-Correlation-Id', code: 'wrong-format', detail, got: given, wanted }]);
}
