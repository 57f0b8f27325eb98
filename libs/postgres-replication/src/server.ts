import { parseLsn, type Lsn } from '#libs/change-event';
import type pg from 'pg';

/** Which server, which of its lives, which database. */
export interface ServerIdentity {
  /** Made by initdb: 64 bits, as text. */
  readonly systemIdentifier: string;
  /** Rises with each promotion and each recovery to a point in time. */
  readonly timeline: number;
  readonly database: string;
  /** A database made anew under the same name has another. */
  readonly databaseOid: string;
  /** Up to where the log is on the server's disk. */
  readonly flushed: Lsn;
}

/** On a replication connection, whose server it describes. */
export async function identifyServer(replication: pg.Client): Promise<ServerIdentity> {
  const [system] = (await replication.query('IDENTIFY_SYSTEM')).rows;
  const [database] = (
    await replication.query('SELECT oid::text, datname FROM pg_database WHERE datname = current_database()')
  ).rows;
  return {
    systemIdentifier: String(system.systemid),
    timeline: Number(system.timeline),
    database: database.datname,
    databaseOid: database.oid,
    flushed: parseLsn(system.xlogpos),
  };
}
