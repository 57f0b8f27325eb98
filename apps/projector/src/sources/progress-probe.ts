import { parseLsn, type Lsn } from '#libs/change-event';
import { recordEnd } from '#libs/postgres-replication';
import type pg from 'pg';
import type { Progress } from './change-source.js';

/**
 * The clock is read first, then the log's end: whatever committed before that time has its commit below that end. The
 * subquery, which OFFSET keeps from being merged into the outer query, makes the order certain.
 */
const PROBE = {
  text: `SELECT (extract(epoch FROM clock.now) * 1000000)::bigint::text AS time, pg_current_wal_insert_lsn()::text AS lsn
    FROM (SELECT clock_timestamp() AS now OFFSET 0) AS clock`,
  query_timeout: 30_000, // a connection may be gone without a sign
};

/** The server ends a connection that is silent for long, also while the stream is slow to come as far as was asked. */
const SIGN_OF_LIFE = { text: 'SELECT', query_timeout: 30_000 };

export interface ProbeSignals {
  /** A probe waits for the stream: it wants to hear how far the server has read. */
  waiting(): void;
  /** Everything that committed before the probe has come. */
  reached(progress: Progress): void;
  /** The connection that asks is gone. */
  lost(error: Error): void;
}

/**
 * Asks about once in an interval how late it is and how far the log reaches, and tells when the stream has come that far;
 * one question at a time. Records that nobody waits for (a cleaned page, a hint bit) reach the server's disk within 15 s,
 * by its background writer; until then the stream cannot pass them, and the last progress stands.
 */
export class ProgressProbe {
  private timer: NodeJS.Timeout | undefined;
  private pending: { readonly progress: Progress; readonly end: Lsn } | null = null;
  private sizes: Promise<{ page: number; segment: number }> | null = null;
  private stopped = false;

  constructor(
    private readonly client: pg.Client,
    private readonly intervalMs: number,
    private readonly signals: ProbeSignals,
  ) {}

  start(): void {
    void this.ask();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** The stream has come to `received`. */
  advance(received: Lsn): void {
    if (!this.pending || received < this.pending.end) return;
    const { progress } = this.pending;
    this.pending = null;
    this.signals.reached(progress);
  }

  private async ask(): Promise<void> {
    try {
      if (this.pending) await this.client.query(SIGN_OF_LIFE);
      else this.pending = await this.probe();
    } catch (error) {
      if (!this.stopped) this.signals.lost(error as Error);
      return;
    }
    if (this.stopped) return;
    this.signals.waiting();
    this.timer = setTimeout(() => void this.ask(), this.intervalMs);
  }

  private async probe() {
    this.sizes ??= blockSizes(this.client);
    const { page, segment } = await this.sizes;
    const [{ time, lsn: text }] = (await this.client.query(PROBE)).rows;
    const lsn = parseLsn(text);
    return { progress: { lsn, sourceTime: BigInt(time) }, end: recordEnd(lsn, page, segment) };
  }
}

async function blockSizes(client: pg.Client): Promise<{ page: number; segment: number }> {
  const { rows } = await client.query(
    `SELECT name, setting::int AS bytes FROM pg_settings WHERE name IN ('wal_block_size', 'wal_segment_size')`,
  );
  const sizes = new Map(rows.map(({ name, bytes }) => [name, bytes]));
  return { page: sizes.get('wal_block_size'), segment: sizes.get('wal_segment_size') };
}
