/**
 * Which process runs which simulation: an advisory lock of a session that does nothing else. Postgres frees it when the
 * session ends, so a killed process loses its simulations at once, and another takes them over.
 *
 * A process that is cut off learns of it later than Postgres does. What both do meanwhile happens once all the same,
 * since every command carries its idempotency key.
 */
import pg from 'pg';

/** The first half of the locks' names, the second is a hash of the id: no other lock of the product has it. */
const SIMULATIONS = 0x51_31;

export class SimulationClaims {
  private session: Promise<pg.Client> | null = null;

  constructor(private readonly url: string) {}

  /** Called when every claim is lost at once. */
  onLost: () => void = () => {};

  /** Whether the simulation is ours now. @throws if Postgres cannot be reached */
  async take(id: string): Promise<boolean> {
    const session = await this.open();
    const { rows } = await session.query('SELECT pg_try_advisory_lock($1, hashtext($2)) AS taken', [SIMULATIONS, id]);
    return rows[0].taken;
  }

  async release(id: string): Promise<void> {
    const session = await this.session;
    await session?.query('SELECT pg_advisory_unlock($1, hashtext($2))', [SIMULATIONS, id]);
  }

  async close(): Promise<void> {
    const session = await this.session;
    this.session = null;
    await session?.end();
  }

  private open(): Promise<pg.Client> {
    this.session ??= this.connect().catch((error: unknown) => {
      this.session = null;
      throw error;
    });
    return this.session;
  }

  private async connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.url,
      application_name: 'command-api simulations',
      keepAlive: true,
    });
    client.on('error', () => {}); // `end` follows
    client.on('end', () => {
      if (this.session === null) return;
      this.session = null;
      this.onLost();
    });
    await client.connect();
    return client;
  }
}
