import { PrismaPg } from '@prisma/adapter-pg';
import { createHash } from 'node:crypto';
import pg from 'pg';
import { PrismaClient } from '../generated/prisma/client.js';

/** Seconds within which a transaction of this service commits or is ended: readers of consistency tokens count on it. */
const TRANSACTION_TIMEOUT = 30;

export interface ConnectionOptions {
  /** Most connections at once. */
  readonly connections?: number;
  /** Milliseconds that a statement waits for another's lock. */
  readonly lockTimeout?: number;
}

/** Statements that every command runs: prepared once a connection. Names live as long as it, so only these have one. */
const prepared = new Map<string, string>();

/** Marks a statement's text as one to prepare. It must come from code, with everything variable as a parameter. */
export function prepare(sql: string): string {
  prepared.set(sql, `p${createHash('sha256').update(sql).digest('hex').slice(0, 16)}`);
  return sql;
}

/**
 * The way to Postgres of the whole service. The session settings are the connections' own, never the role's: the reader
 * of a snapshot may share the role and takes longer.
 */
export function connect(url: string, { connections = 16, lockTimeout = 2000 }: ConnectionOptions = {}): PrismaClient {
  const pool = keepingPool({
    connectionString: url,
    max: connections,
    // UTC, because adapter-pg reads every timestamptz as if it were
    options: `-c timezone=UTC -c lock_timeout=${lockTimeout} -c transaction_timeout=${TRANSACTION_TIMEOUT}s`,
    application_name: 'command-api',
  });
  pool.on('error', () => {}); // an idle connection broke: the pool has dropped it, and the next query opens another
  // pg sends a statement without a name where the name is empty
  const statementNameGenerator = ({ sql }: { sql: string }) => prepared.get(sql) ?? '';
  const adapter = new PrismaPg(pool, { statementNameGenerator, disposeExternalPool: true });
  return new PrismaClient({ adapter });
}

/** pg-pool's own `query` closes its connection after every SQL error, so that a violation costs 15 ms instead of 0.5. */
function keepingPool(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool(config);
  const query = async (statement: pg.QueryConfig): Promise<pg.QueryResult> => {
    const client = await pool.connect();
    let broken: Error | undefined;
    try {
      return await client.query(statement);
    } catch (error) {
      if (!isOfStatement(error)) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  };
  pool.query = query as typeof pool.query; // of its overloads Prisma uses this one
  return pool;
}

const isOfStatement = (error: unknown): boolean => error instanceof pg.DatabaseError && error.severity === 'ERROR';
