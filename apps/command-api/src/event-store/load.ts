import type { ConsistencyToken } from '#libs/consistency-token';
import type { PrismaClient } from '../generated/prisma/client.js';
import { prepare } from './connection.js';
import type { DomainEvent } from './decider.js';
import { sqlErrorOf, failureOf } from './sql-error.js';
import { SOURCE, tokenOf, transactionColumns, type TokenColumns } from './stored-token.js';

export interface RecordedEvent extends DomainEvent {
  readonly version: number;
  /** Of the command that caused it. */
  readonly command_id: string;
}

/** The answer to an earlier request with the same Idempotency-Key. */
export interface KeptAnswer {
  readonly request: string;
  readonly outcome: 'answered' | 'refused';
  /** JSON. */
  readonly answer: string;
  readonly token: ConsistencyToken | null;
}

export interface LoadedStream {
  /** In order. */
  readonly events: readonly RecordedEvent[];
  /** Of the last event; 0 where there is none. */
  readonly version: number;
  /** Of the last event's transaction. */
  readonly token: ConsistencyToken | null;
  readonly kept: KeptAnswer | null;
}

type MaybeToken = { [Column in keyof TokenColumns]: TokenColumns[Column] | null };
type Loaded = MaybeToken & {
  readonly events: string | null;
  readonly request: string | null;
  readonly outcome: KeptAnswer['outcome'];
  readonly answer: string;
  readonly kept_xid: string | null;
  readonly kept_lsn: string | null;
  readonly kept_issued_at: string | null;
};

/** One statement, hence one snapshot: a key that is not there was not there when the events were read. */
const LOAD = prepare(`SELECT
    (SELECT json_agg(json_build_object('version', version, 'type', type, 'data', data,
       'command_id', metadata->>'command_id') ORDER BY version)::text
     FROM domain_events WHERE stream_id = $1::text) AS events,
    last.xid, last.lsn, last.issued_at, ${SOURCE},
    kept.request, kept.outcome, kept.answer, kept.xid AS kept_xid, kept.lsn AS kept_lsn, kept.issued_at AS kept_issued_at
  FROM (VALUES (1)) AS one
  LEFT JOIN LATERAL (
    SELECT ${transactionColumns('tx_id', 'lsn', 'occurred_at')}
    FROM domain_events WHERE stream_id = $1::text ORDER BY version DESC LIMIT 1) AS last ON true
  LEFT JOIN LATERAL (
    SELECT request::text, outcome, answer, ${transactionColumns('tx_id', 'lsn', 'issued_at')}
    FROM internal.idempotency WHERE key = $2::uuid) AS kept ON true`);

/** @throws ConnectionLost, StatementFailed */
export async function load(database: PrismaClient, stream: string, key?: string): Promise<LoadedStream> {
  const [row] = await database.$queryRawUnsafe<Loaded[]>(LOAD, stream, key ?? null).catch((error: unknown) => {
    throw failureOf(sqlErrorOf(error));
  });
  const events = row?.events ? (JSON.parse(row.events) as RecordedEvent[]) : [];
  return {
    events,
    version: events.at(-1)?.version ?? 0,
    token: row ? tokenOrNull(row) : null,
    kept: row ? keptOf(row) : null,
  };
}

function keptOf(row: Loaded): KeptAnswer | null {
  if (row.request === null) return null;
  const { request, outcome, answer, kept_xid: xid, kept_lsn: lsn, kept_issued_at: issued_at } = row;
  return { request, outcome, answer, token: tokenOrNull({ ...row, xid, lsn, issued_at }) };
}

const tokenOrNull = (columns: MaybeToken): ConsistencyToken | null =>
  columns.xid === null ? null : tokenOf(columns as TokenColumns);
