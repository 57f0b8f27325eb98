/** A projector on a database, in the test's process: source, appends and folds; all but Nest's edge. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBInstance } from '@duckdb/node-api';
import type { Catalog } from '#libs/catalog';
import { parseLsn, type Transaction } from '#libs/change-event';
import { readWatermark } from '#libs/lake';
import pg from 'pg';
import { Projection } from '../apps/projector/src/projection.js';
import { Projector, type ProjectorStatus } from '../apps/projector/src/projector.js';
import type { ChangeSource } from '../apps/projector/src/sources/change-source.js';
import { PostgresSlotSource } from '../apps/projector/src/sources/postgres-slot.js';
import { ChangeTransport } from '../apps/projector/src/transport/change-transport.js';

export interface RunningProjectorOptions {
  readonly duckdb: DuckDBInstance;
  readonly databaseUrl: string;
  /** Of slot and publication. */
  readonly name: string;
  readonly catalog: Catalog;
  readonly lake: string;
  readonly resnapshot?: boolean;
  /** Instead of a slot named like the publication. */
  readonly source?: ChangeSource;
  readonly foldChanges?: number;
  /** Milliseconds. */
  readonly foldAge?: number;
  /** Sees each transaction on its way, and may hand on another one. */
  readonly deliver?: (transaction: Transaction) => Transaction;
}

const ignore = () => {};

export class RunningProjector {
  readonly projector: Projector;
  readonly failures: Error[] = [];

  constructor(private readonly options: RunningProjectorOptions) {
    const { databaseUrl, name, catalog, resnapshot = false, deliver = (transaction) => transaction } = options;
    const slot = { databaseUrl, slot: name, publication: name, catalog, probeInterval: 20, patience: 30_000 };
    const transport = new ChangeTransport(options.source ?? new PostgresSlotSource(slot));
    this.projector = new Projector(transport, {
      open: (events) => Projection.open(options.duckdb, projectionOf(options), events),
      events: {
        ...{ appended: ignore, folded: ignore, suspiciousClock: ignore },
        ...{ foldFailed: (error) => this.failures.push(error), upkeepFailed: (error) => this.failures.push(error) },
      },
      stateChanged: ignore,
      resnapshot,
    });
    transport.addHandler('transaction', (transaction) => this.projector.accept(deliver(transaction)), true);
    this.projector.start();
  }

  stop(): Promise<void> {
    return this.projector.stop();
  }

  /** Resolves with the status as soon as it is this. */
  async until(state: ProjectorStatus['state']): Promise<ProjectorStatus> {
    await eventually(async () => this.projector.status.state === state);
    return this.projector.status;
  }

  /** Resolves when the lake holds, folded, all that the database has committed by now. */
  async caughtUp(): Promise<void> {
    const { databaseUrl, lake } = this.options;
    // a record of its own: where the log merely ends, there may be nothing to come to for a while
    const message = `SELECT pg_logical_emit_message(true, 'caught up', '') AS lsn`;
    const end = parseLsn((await query(databaseUrl, message))[0]!['lsn']!);
    await eventually(async () => ((await readWatermark(lake))?.lsn ?? 0) >= end);
    await this.projector.running!.folding.foldNow();
  }
}

const projectionOf = ({ lake, catalog, foldChanges = 1_000_000, foldAge = 600_000 }: RunningProjectorOptions) => ({
  ...{ lake, catalog, foldChanges, foldAge },
  spoolFolder: join(lake, 'spool'),
});

export async function query(databaseUrl: string, sql: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  client.on('error', ignore);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Asks until it is so. */
export async function eventually(ask: () => Promise<boolean>): Promise<void> {
  while (!(await ask())) await sleep(10);
}
