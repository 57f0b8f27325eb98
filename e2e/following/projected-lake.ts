/** A lake that a test writes through the projector's own code, and reads through the query API's. */
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import type { Transaction } from '#libs/change-event';
import { ledger } from '#libs/test-lake';
import { Projection, type ProjectionOptions } from '../../apps/projector/src/projection.js';
import { Follower, type FollowerOptions } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { ReadSession } from '../../apps/query-api/src/follower/reader.js';

const ignore = () => {};

export class ProjectedLake {
  private current: Projection | null = null;

  constructor(
    readonly folder: string,
    private readonly duckdb: DuckDBInstance,
  ) {}

  get projection(): Projection {
    return this.current!;
  }

  /** One life of a projection; it folds when so many changes wait. */
  async open(foldChanges = 1_000_000, upkeep: ProjectionOptions['upkeep'] = {}, catalog = ledger): Promise<void> {
    const options = { lake: this.folder, catalog, spoolFolder: join(this.folder, 'spool'), foldChanges };
    this.current = await Projection.open(
      this.duckdb,
      { ...options, foldAge: 600_000, upkeep },
      {
        ...{ appended: ignore, folded: ignore, foldFailed: ignore, upkeepFailed: ignore, suspiciousClock: ignore },
        failed: ignore,
      },
    );
  }

  /** Each is committed by itself. */
  async append(...transactions: Transaction[]): Promise<void> {
    for (const transaction of transactions) {
      await this.projection.accept(transaction);
      await this.projection.appender.settled();
    }
  }

  /** Resolves when all is folded. */
  async fold(): Promise<void> {
    const { folding, appender } = this.projection;
    folding.appended({ tip: { position: appender.lastPosition }, snapshot: true });
    while (folding.folded < appender.lastPosition) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  async close(): Promise<void> {
    await this.current?.close();
    this.current = null;
  }
}

export interface Following {
  readonly follower: Follower;
  readonly reader: LakeReader;
  readonly failures: Error[];
  readonly options: FollowerOptions;
}

export type FollowingOptions = Partial<FollowerOptions> & { readonly timeoutSeconds?: number };

export function follow(lake: string, { timeoutSeconds, ...options }: FollowingOptions = {}): Following {
  const failures: Error[] = [];
  const failed = (error: Error) => void failures.push(error);
  const all = { lake, catalog: ledger, failed, failurePause: 5, ...options };
  const follower = new Follower(all);
  follower.start();
  return { follower, reader: new LakeReader(follower, all.catalog.tables, timeoutSeconds), failures, options: all };
}

const [accounts] = ledger.tables;

/** id → balance, now or as of a position. */
export async function balances(session: ReadSession, position?: number): Promise<Record<string, number | null>> {
  const relation = position === undefined ? session.current(accounts!) : session.asOf(accounts!, position);
  const rows = await session.rows(`SELECT id, balance FROM ${relation} ORDER BY id`);
  return Object.fromEntries(rows.map(({ id, balance }) => [id as string, balance as number | null]));
}
