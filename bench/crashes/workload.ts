/** Writes transactions until it is told to stop, over several connections, so that they overlap in the write-ahead log. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { randomOf, type Random } from './random.js';
import type { World } from './worlds/world.js';

export interface Pace {
  readonly connections: number;
  /** Milliseconds that each connection rests after a transaction. */
  readonly rest: number;
  /** A server that goes away is waited for. Default: it is a failure. */
  readonly patient?: boolean;
}

/** Two that overlap made the same key, or wait for each other: one is rolled back, and leaves no trace but in the log. */
const collisions = ['23505', '40P01'];
/** Milliseconds between two tries to reach a server that is away. */
const away = 50;

export class Workload {
  private writing = true;
  private readonly writers: Promise<void>[];

  private constructor(
    clients: readonly pg.Client[],
    private readonly databaseUrl: string,
    private readonly statementsOf: World['statementsOf'],
    { pace, seed }: { readonly pace: Pace; readonly seed: number },
  ) {
    this.writers = clients.map((client, i) => this.write(client, pace, randomOf(seed + i)));
    for (const writer of this.writers) writer.catch(() => {}); // told by `stop`
  }

  static async start(
    databaseUrl: string,
    statementsOf: World['statementsOf'],
    pace: Pace,
    seed: number,
  ): Promise<Workload> {
    const clients = await Promise.all(Array.from({ length: pace.connections }, () => connected(databaseUrl, pace)));
    return new Workload(clients, databaseUrl, statementsOf, { pace, seed });
  }

  /** Resolves when the last transaction has ended. @throws what a transaction failed with: none may */
  async stop(): Promise<void> {
    this.writing = false;
    await Promise.all(this.writers);
  }

  private async write(first: pg.Client, pace: Pace, random: Random): Promise<void> {
    let client = first;
    try {
      while (this.writing) {
        await client
          .query(`BEGIN; ${this.statementsOf(random).join('; ')}; COMMIT`)
          .catch(async (error: pg.DatabaseError) => {
            if (collisions.includes(error.code ?? '')) return client.query('ROLLBACK');
            if (!pace.patient || isOfStatement(error)) throw error;
            client = await this.reconnected(client, pace);
          });
        await sleep(pace.rest * 2 * random());
      }
    } finally {
      await client.end();
    }
  }

  /** Whether the transaction that broke off came to its commit, the source's own record tells. */
  private async reconnected(client: pg.Client, pace: Pace): Promise<pg.Client> {
    await client.end().catch(() => {});
    for (;;) {
      const again = await connected(this.databaseUrl, pace).catch(() => null);
      if (again) return again;
      await sleep(away);
    }
  }
}

/** The server answered, and goes on (SQLSTATE classes 57, operator intervention, and 08, connection exception). */
const isOfStatement = (error: Error): boolean =>
  error instanceof pg.DatabaseError && !/^(?:57|08)/.test(error.code ?? '');

async function connected(databaseUrl: string, { patient }: Pace): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', () => {}); // the query meets it, too
  await client.connect();
  await client.query(`SET deadlock_timeout = '20ms'`);
  if (!patient) await client.query('SET synchronous_commit = off'); // nobody kills the server
  return client;
}
