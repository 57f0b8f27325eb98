import pg from 'pg';

/**
 * What decides how Postgres writes a value as text. Fixed on every connection whose values are read, the replication
 * connection included (its output functions obey the session too), since a role or a database may have others.
 */
const canonical: Readonly<Record<string, string>> = {
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1', // the shortest text that reads back as the same number
  lc_monetary: 'C',
  xmlbinary: 'base64',
  search_path: '', // names of types and tables, as values, are written with their schema
  row_security: 'off', // an error where a policy would leave rows out
  statement_timeout: '0',
  lock_timeout: '0',
  transaction_timeout: '0', // since Postgres 17
  idle_in_transaction_session_timeout: '0',
};

const settle = `SELECT set_config(s.name, v.value, false)
  FROM (VALUES ${Object.entries(canonical)
    .map(([name, value]) => `('${name}', '${value}')`)
    .join(', ')}) AS v (name, value)
  JOIN pg_settings AS s ON s.name = v.name`;

const CONNECT_TIMEOUT = 10_000;

export interface SessionOptions {
  /** Of the database that the publication is in. */
  readonly databaseUrl: string;
  readonly applicationName?: string;
}

/**
 * A connection whose values come in canonical text. With `replication` it takes replication commands, and SQL without
 * parameters. Its loss shows in the query under way, or in the next.
 */
export async function connect(options: SessionOptions, kind: 'sql' | 'replication' = 'sql'): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: options.databaseUrl,
    application_name: options.applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT,
    keepAlive: true,
    ...(kind === 'replication' && { replication: 'database' }),
  } as pg.ClientConfig);
  client.on('error', () => {}); // else an idle connection's loss would end the process
  await client.connect();
  await client.query(settle);
  return client;
}

/** Ends a connection, whatever runs on it. Never fails. */
export async function disconnect(client: pg.Client): Promise<void> {
  await client.end().catch(() => {});
}

export const quoteIdentifier = pg.escapeIdentifier;

/** A literal for replication commands too, whose grammar knows no `E''`. */
export const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`;
