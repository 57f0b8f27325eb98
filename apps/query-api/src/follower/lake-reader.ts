import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { ConsistencyToken } from '#libs/consistency-token';
import { allVersionsSql, asOfSql, currentSql, literal, quarantinedSql } from '#libs/scd2';
import { asAnswered, driftOf } from './catalog-drift.js';
import type { Follower } from './follower.js';
import type { FoldedPart, MemoryCut } from './lake-memory.js';
import { LakeUnavailable } from './lake-unavailable.js';
import type { Followed } from './opened-lake.js';
import { Deadline, QueryRunner } from './query-runner.js';
import type { Cut, Freshness, Moment, Reader, ReadSession, SqlValue } from './reader.js';

/** Seconds; less than for how long files are kept that no version names any more. */
const defaultTimeout = 30;

export class LakeReader implements Reader {
  constructor(
    private readonly follower: Follower,
    private readonly tables: readonly Table[],
    private readonly timeoutSeconds = defaultTimeout,
  ) {}

  async read<T>(work: (session: ReadSession) => Promise<T>): Promise<T> {
    const { followed, watermark, unfit } = this.follower;
    if (!followed) throw unfit instanceof LakeUnavailable ? unfit : new LakeUnavailable('The lake cannot be read yet.');
    const deadline = new Deadline(this.timeoutSeconds);
    return followed.readers.use(async (connection) => {
      const runner = new QueryRunner(connection, deadline, (error) => this.follower.fileFailed(error));
      return runner.inTransaction(async () => {
        const cut = await followed.memory.cutOf(connection);
        const mark = watermark && watermark.position <= cut.position ? watermark : null;
        return work(new LakeSession(followed, cut, { ...cut, watermark: mark }, runner));
      });
    });
  }

  waitFor(token: ConsistencyToken, milliseconds: number): Promise<boolean> {
    return this.follower.until(() => this.follower.shows(token), milliseconds);
  }

  waitForPosition(position: number, milliseconds: number): Promise<boolean> {
    return this.follower.until(() => (this.follower.followed?.memory.cut.position ?? 0) >= position, milliseconds);
  }

  freshness(): Freshness {
    const { followed, watermark, unfit, failure, lag } = this.follower;
    const cut = followed?.memory.cut;
    const folded = (table: string) => cut?.parts.get(table)?.foldPosition ?? 0;
    return {
      position: cut?.position ?? 0,
      effectiveAt: cut?.effectiveAt ?? null,
      lagPositions: lag,
      lagSeconds: watermark && secondsSince(watermark.source_time),
      folds: this.tables.map((table) => ({
        table: table.table,
        position: folded(table.table),
        ageSeconds: this.ageOfUnfolded(folded(table.table)),
        drift: cut ? driftOf(table, cut.parts.get(table.table)?.table ?? null) : null,
      })),
      watermark,
      ready: unfit === null,
      reason: unfit,
      failure,
      tailChanges: followed?.memory.tailChanges ?? 0,
    };
  }

  /** Folds end where files end, so that the oldest change behind one is the first of a file. */
  private ageOfUnfolded(folded: number): number {
    const { followed } = this.follower;
    const since = followed && folded < followed.memory.cut.position ? followed.timeline.effectiveAfter(folded) : null;
    return since === null ? 0 : secondsSince(since);
  }
}

const secondsSince = (microseconds: bigint): number => Math.max(0, Date.now() / 1000 - Number(microseconds) / 1e6);

const ofKey = (key: readonly string[] | undefined) => (key ? { key } : {});

class LakeSession implements ReadSession {
  constructor(
    private readonly followed: Followed,
    private readonly at: MemoryCut,
    readonly cut: Cut,
    private readonly runner: QueryRunner,
  ) {}

  current(table: Table, key?: readonly string[]): string {
    return this.asAnswered(table, (lake) => currentSql(lake, ofKey(key)));
  }

  /** What closed before the fold cannot have been in force at or after it: those files are left out. */
  asOf(table: Table, position: number, key?: readonly string[]): string {
    return this.asAnswered(table, (lake, { closed, foldPosition }) =>
      asOfSql(lake, { closed: position >= foldPosition ? null : closed, ...ofKey(key) }, position),
    );
  }

  versions(table: Table, key?: readonly string[]): string {
    return this.asAnswered(table, (lake, { closed }) => allVersionsSql(lake, { closed, ...ofKey(key) }));
  }

  cutAtPosition(position: number): Promise<Moment | null> {
    return this.atTip((tip, duckdb) => this.followed.timeline.atPosition(position, tip, duckdb));
  }

  cutAtTime(microseconds: bigint): Promise<Moment | null> {
    return this.atTip((tip, duckdb) => this.followed.timeline.atTime(microseconds, tip, duckdb));
  }

  async quarantined(table: Table, keyTexts: readonly string[], position: number): Promise<boolean> {
    const part = this.at.parts.get(table.table);
    if (!part) return false;
    const rows = await this.rows(
      `SELECT 1 FROM (${quarantinedSql(part.table, part)}) WHERE key = ${literal(JSON.stringify(keyTexts))}
         AND opened_tx <= ${position} AND (closed_tx IS NULL OR closed_tx > ${position}) LIMIT 1`,
    );
    return rows.length > 0;
  }

  rows(sql: string, parameters: readonly SqlValue[] = []): Promise<Record<string, SqlValue>[]> {
    return this.runner.rows(sql, parameters);
  }

  private asAnswered(table: Table, relation: (lake: Table, part: FoldedPart) => string): string {
    const part = this.at.parts.get(table.table);
    return asAnswered(table, part?.table ?? null, (lake) => relation(lake, part!));
  }

  private atTip(find: (tip: Moment, duckdb: DuckDBConnection) => Promise<Moment | null>): Promise<Moment | null> {
    const { position, effectiveAt } = this.at;
    if (effectiveAt === null) return Promise.resolve(null);
    return this.runner.run((duckdb) => find({ position, effectiveAt }, duckdb));
  }
}
