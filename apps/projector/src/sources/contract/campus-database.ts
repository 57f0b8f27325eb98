import { parseLsn, type Lsn } from '#libs/change-event';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { PostgresSlotSource } from '../postgres-slot.js';
import type { PostgresSlotOptions } from '../slot-options.js';
import { campus, campusTables } from './captured-tables.js';

/** A database with the captured tables, and sources of it through a slot named like the database. */
export class CampusDatabase {
  private readonly sources: PostgresSlotSource[] = [];
  client: pg.Client;

  private constructor(
    readonly url: string,
    readonly slot: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async open({ url, name, close }: { url: string; name: string; close(): Promise<void> }) {
    const database = new CampusDatabase(url, name, close);
    await database.connect();
    await database.client.query(campusTables(name));
    return database;
  }

  /** Again, after the server was away. */
  async connect(): Promise<void> {
    this.client = new pg.Client({ connectionString: this.url });
    this.client.on('error', () => {});
    await this.client.connect();
  }

  source(options: Partial<PostgresSlotOptions> = {}): PostgresSlotSource {
    const source = new PostgresSlotSource({
      databaseUrl: this.url,
      slot: this.slot,
      publication: this.slot,
      catalog: campus,
      probeInterval: 50,
      ...options,
    });
    this.sources.push(source);
    return source;
  }

  async run(sql: string): Promise<Record<string, string>[]> {
    return (await this.client.query(sql)).rows;
  }

  async confirmed(): Promise<Lsn> {
    const [row] = await this.run(
      `SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '${this.slot}'`,
    );
    return parseLsn(row!['confirmed_flush_lsn']!);
  }

  async logEnd(): Promise<Lsn> {
    return parseLsn((await this.run('SELECT pg_current_wal_insert_lsn() AS lsn'))[0]!['lsn']!);
  }

  async close(): Promise<void> {
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.client.end().catch(() => {});
    await this.drop();
  }
}

/** Asks until it is so. */
export async function eventually(ask: () => Promise<boolean>): Promise<void> {
  while (!(await ask())) await sleep(20);
}
