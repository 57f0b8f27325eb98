/**
 * What a writer hands back so that a reader can wait for its own write: which transaction of which database must be
 * applied. Not signed, since it grants nothing; whoever forges one makes only himself wait.
 */
export interface ConsistencyToken {
  readonly system_identifier: string;
  readonly timeline: number;
  readonly database: string;
  /** The transaction's 64-bit id, as text. Change events carry its low 32 bits. */
  readonly xid: string;
  /** At or below the LSN of its commit, as Postgres prints it. */
  readonly lsn: string;
  /** The transaction's start by the server's clock: RFC 3339, UTC, six digits. */
  readonly issued_at: string;
}

export class InvalidConsistencyToken extends Error {
  readonly code = 'invalid-consistency-token';
  constructor(readonly reason: string) {
    super(`The consistency token cannot be read: ${reason}. Send it exactly as it came with a command's answer.`);
    this.name = 'InvalidConsistencyToken';
  }
}

/** Text for a header or a query parameter. */
export const encodeConsistencyToken = (token: ConsistencyToken): string =>
  Buffer.from(JSON.stringify(token)).toString('base64url');

const fields = {
  system_identifier: /^[0-9]{1,20}$/,
  database: /^.{1,63}$/su,
  xid: /^[0-9]{1,20}$/,
  lsn: /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/i,
  issued_at: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/,
};

/** @throws InvalidConsistencyToken */
export function decodeConsistencyToken(text: string): ConsistencyToken {
  const token = parse(text);
  for (const [name, pattern] of Object.entries(fields)) {
    const value = token[name];
    if (typeof value !== 'string' || !pattern.test(value))
      throw new InvalidConsistencyToken(`its ${name} is missing or malformed`);
  }
  if (!Number.isInteger(token.timeline) || (token.timeline as number) < 1)
    throw new InvalidConsistencyToken('its timeline is missing or malformed');
  if (Number.isNaN(Date.parse(token.issued_at as string)))
    throw new InvalidConsistencyToken('its issued_at is no moment');
  const { system_identifier, timeline, database, xid, lsn, issued_at } = token as unknown as ConsistencyToken;
  return { system_identifier, timeline, database, xid, lsn, issued_at };
}

function parse(text: string): Record<string, unknown> {
  if (!/^[A-Za-z0-9_-]{1,1000}$/.test(text)) throw new InvalidConsistencyToken('it is no base64url');
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw new InvalidConsistencyToken('it does not hold JSON');
  }
  if (typeof value !== 'object' || value === null) throw new InvalidConsistencyToken('it does not hold an object');
  return value as Record<string, unknown>;
}
