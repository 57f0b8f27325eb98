import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { ConsistencyToken } from '#libs/consistency-token';
import { allVersionsSql, asOfSql, currentSql, literal, quarantinedSql } from '#libs/scd2';
import { readRows } from './duckdb-value.js';
import type { Followed, Follower } from './follower.js';
import type { MemoryCut } from './lake-memory.js';
import type { Cut, Freshness, Moment, Reader, ReadSession, SqlValue } from './reader.js';

/** There is nothing to answer from yet. */
export class LakeUnavailable extends Error {
  readonly code = 'unavailable';
  constructor(detail: string) {
    super(detail);
    this.name = 'LakeUnavailable';
  }
}

export class LakeReader implements Reader {
  constructor(
    private readonly follower: Follower,
    private readonly tables: readonly Table[],
  ) {}

  async read<T>(work: (session: ReadSession) => Promise<T>): Promise<T> {
    const { followed, watermark } = this.follower;
    if (!followed) throw new LakeUnavailable(this.follower.unfit!);
    return followed.readers.use(async (connection) => {
      await connection.run('BEGIN TRANSACTION READ ONLY');
      try {
        const cut = await followed.memory.cutOf(connection);
        const mark = watermark && watermark.position <= cut.position ? watermark : null;
        return await work(new LakeSession(followed, cut, { ...cut, watermark: mark }, connection));
      } finally {
        await connection.run('ROLLBACK').catch(() => {}); // what the work failed with is the error to tell
      }
    });
  }

  waitFor(token: ConsistencyToken, milliseconds: number): Promise<boolean> {
    return this.follower.until(() => this.follower.shows(token), milliseconds);
  }

  waitForPosition(position: number, milliseconds: number): Promise<boolean> {
    return this.follower.until(() => (this.follower.followed?.memory.cut.position ?? 0) >= position, milliseconds);
  }

  freshness(): Freshness {
    const { followed, watermark, unfit, lag } = this.follower;
    const cut = followed?.memory.cut;
    const folded = (table: string) => cut?.parts.get(table)?.foldPosition ?? 0;
    return {
      position: cut?.position ?? 0,
      effectiveAt: cut?.effectiveAt ?? null,
      lagPositions: lag,
      lagSeconds: watermark && secondsSince(watermark.source_time),
      folds: this.tables.map(({ table }) => ({
        table,
        position: folded(table),
        ageSeconds: this.ageOfUnfolded(folded(table)),
      })),
      watermark,
      ready: unfit === null,
      reason: unfit,
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
    private readonly connection: DuckDBConnection,
  ) {}

  current(table: Table, key?: readonly string[]): string {
    return `(${currentSql(table, ofKey(key))})`;
  }

  /** What closed before the fold cannot have been in force at or after it: those files are left out. */
  asOf(table: Table, position: number, key?: readonly string[]): string {
    const { closed, foldPosition } = this.at.parts.get(table.table)!;
    const files = { closed: position >= foldPosition ? null : closed, ...ofKey(key) };
    return `(${asOfSql(table, files, position)})`;
  }

  versions(table: Table, key?: readonly string[]): string {
    const { closed } = this.at.parts.get(table.table)!;
    return `(${allVersionsSql(table, { closed, ...ofKey(key) })})`;
  }

  cutAtPosition(position: number): Promise<Moment | null> {
    return this.atTip((tip) => this.followed.timeline.atPosition(position, tip, this.connection));
  }

  cutAtTime(microseconds: bigint): Promise<Moment | null> {
    return this.atTip((tip) => this.followed.timeline.atTime(microseconds, tip, this.connection));
  }

  async quarantined(table: Table, keyTexts: readonly string[], position: number): Promise<boolean> {
    const intervals = quarantinedSql(table, this.at.parts.get(table.table)!);
    const rows = await this.rows(
      `SELECT 1 FROM (${intervals}) WHERE key = ${literal(JSON.stringify(keyTexts))}
         AND opened_tx <= ${position} AND (closed_tx IS NULL OR closed_tx > ${position}) LIMIT 1`,
    );
    return rows.length > 0;
  }

  rows(sql: string, parameters: readonly SqlValue[] = []): Promise<Record<string, SqlValue>[]> {
    return readRows(this.connection, sql, parameters);
  }

  private atTip(find: (tip: Moment) => Promise<Moment | null>): Promise<Moment | null> {
    const { position, effectiveAt } = this.at;
    return effectiveAt === null ? Promise.resolve(null) : find({ position, effectiveAt });
  }
}
