import { connect, disconnect } from '#libs/postgres-replication';
import type pg from 'pg';
import type { SlotState } from './source-report.js';

const question = `
  SELECT s.wal_status AS status, coalesce(s.active, false) AS active,
    coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn), 0)::float8 AS retained,
    (SELECT nullif(setting::float8, -1) * 1048576 FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS limit
  FROM (SELECT) AS one LEFT JOIN pg_replication_slots AS s ON s.slot_name = $1`;

/** Looks at a replication slot, on a connection of its own that is kept from look to look. */
export class SlotInspection {
  private client: pg.Client | null = null;

  constructor(
    private readonly databaseUrl: string,
    private readonly slot: string,
  ) {}

  async look(): Promise<SlotState> {
    try {
      this.client ??= await connect({ databaseUrl: this.databaseUrl, applicationName: 'source-watch' });
      const { rows } = await this.client.query(question, [this.slot]);
      return { slot: this.slot, ...rows[0] };
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const { client } = this;
    this.client = null;
    if (client) await disconnect(client);
  }
}
