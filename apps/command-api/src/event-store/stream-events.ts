import type { PrismaClient } from '../generated/prisma/client.js';

/** An event as its stream tells it: what, when, by whom and why. */
export interface StreamEvent {
  readonly version: number;
  readonly type: string;
  readonly schema_version: number;
  readonly data: unknown;
  readonly metadata: EventMetadata;
  /** RFC 3339, UTC, six digits. */
  readonly occurred_at: string;
}

export interface EventMetadata {
  readonly actor: string;
  readonly command: string;
  readonly command_id: string;
  readonly correlation_id: string;
  readonly causation_id: string | null;
  readonly traceparent: string | null;
}

/** The events of a stream after a version, oldest first, at most `limit`; empty where there is no such stream. */
export async function streamEvents(
  database: PrismaClient,
  stream: string,
  { after = 0, limit = 1000 }: { after?: number; limit?: number } = {},
): Promise<StreamEvent[]> {
  const rows = await database.$queryRaw<{ event: string }[]>`
    SELECT json_build_object('version', version, 'type', type, 'schema_version', schema_version, 'data', data,
      'metadata', metadata,
      'occurred_at', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::text AS event
    FROM domain_events WHERE stream_id = ${stream} AND version > ${after} ORDER BY version LIMIT ${limit}`;
  return rows.map(({ event }) => JSON.parse(event) as StreamEvent);
}
