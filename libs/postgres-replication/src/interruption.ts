import pg from 'pg';

/** The connection ended while it was needed. Connect again; nothing is wrong with what was asked. */
export class ConnectionLost extends Error {
  readonly code = 'connection-lost';
  constructor(detail: string, cause?: unknown) {
    super(detail, { cause });
    this.name = 'ConnectionLost';
  }
}

/** SQLSTATEs of a server that is away for a while: shutting down, crashed, starting, full of connections. */
const away = new Set(['57P01', '57P02', '57P03', '57P05', '53300']);

/** What `pg` says, without a code, when a connection is gone. */
const gone = /^(Connection terminated|Query read timeout|timeout expired|timeout exceeded|Client (was closed|has enc))/;

/** Whether the same is worth trying again on a new connection. */
export function isInterruption(error: object): boolean {
  if (error instanceof ConnectionLost) return true;
  if (error instanceof pg.DatabaseError) return away.has(error.code ?? '') || error.code?.startsWith('08') === true;
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return /^E(?!RR_)[A-Z0-9_]+$/.test(code);
  return typeof message === 'string' && gone.test(message);
}
