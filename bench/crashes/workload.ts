/** Writes transactions until it is told to stop, over several connections, so that they overlap in the write-ahead log. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { randomOf, type Random } from './random.js';
import { statementsOf } from './transactions.js';

export interface Pace {
  readonly connections: number;
  /** Milliseconds that each connection rests after a transaction. */
  readonly rest: number;
}

/** Two that overlap made the same key: one is rolled back, and leaves no trace but in the log. */
const collision = '23505';

export class Workload {
  private writing = true;
  private readonly writers: Promise<void>[];

  private constructor(clients: readonly pg.Client[], pace: Pace, seed: number) {
    this.writers = clients.map((client, i) => this.write(client, pace, randomOf(seed + i)));
    for (const writer of this.writers) writer.catch(() => {}); // told by `stop`
  }

  static async start(databaseUrl: string, pace: Pace, seed: number): Promise<Workload> {
    const clients = Array.from({ length: pace.connections }, () => new pg.Client({ connectionString: databaseUrl }));
    for (const client of clients) {
      await client.connect();
      await client.query('SET synchronous_commit = off'); // nobody here kills the server
    }
    return new Workload(clients, pace, seed);
  }

  /** Resolves when the last transaction has ended. @throws what a transaction failed with: none may */
  async stop(): Promise<void> {
    this.writing = false;
    await Promise.all(this.writers);
  }

  private async write(client: pg.Client, { rest }: Pace, random: Random): Promise<void> {
    try {
      while (this.writing) {
        await client
          .query(`BEGIN; ${statementsOf(random).join('; ')}; COMMIT`)
          .catch(async (error: pg.DatabaseError) => {
            if (error.code !== collision) throw error;
            await client.query('ROLLBACK');
          });
        await sleep(rest * 2 * random());
      }
    } finally {
      await client.end();
    }
  }
}
