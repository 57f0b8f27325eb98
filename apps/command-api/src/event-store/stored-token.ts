/** Consistency tokens as the database tells them: a transaction's part, and that of the source it belongs to. */
import type { ConsistencyToken } from '#libs/consistency-token';

export interface TokenColumns {
  readonly xid: string;
  readonly lsn: string;
  readonly issued_at: string;
  readonly system_identifier: string;
  readonly timeline: number;
  readonly database: string;
}

/** SQL that prints a moment as every answer does: RFC 3339, UTC, six digits. */
export const utcText = (moment: string): string =>
  `to_char(${moment} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/**
 * The transaction's part, from columns of those meanings. An event's LSN is below that of its commit, which was still to
 * come: a lower bound is what a token needs. Prisma reads no xid8 and no pg_lsn, hence the texts.
 */
export const transactionColumns = (xid: string, lsn: string, moment: string): string =>
  `${xid}::text AS xid, ${lsn}::text AS lsn, ${utcText(moment)} AS issued_at`;

/** The timeline stands in the first eight hex digits of a WAL file's name; the control file would tell it too late. */
export const SOURCE = `(SELECT system_identifier FROM pg_control_system())::text AS system_identifier,
    ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int AS timeline,
    current_database()::text AS database`;

export const tokenOf = (columns: TokenColumns): ConsistencyToken => ({
  system_identifier: columns.system_identifier,
  timeline: columns.timeline,
  database: columns.database,
  xid: columns.xid,
  lsn: columns.lsn,
  issued_at: columns.issued_at,
});
