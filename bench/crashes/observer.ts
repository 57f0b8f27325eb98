/**
 * A reader beside: whatever happens to the projector, each cut that it shows is kept, to be compared with the source's record
 * later; what a cut can be told to be wrong by itself is told at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Follower } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { ReadSession } from '../../apps/query-api/src/follower/reader.js';
import { accounts, catalog, counters, deposits, total } from './bank.js';
import type { SeenCut } from './verdict.js';

export class Observer {
  readonly seen: SeenCut[] = [];
  readonly wrong: string[] = [];
  private readonly follower: Follower;
  private readonly reader: LakeReader;
  private looking = true;
  private looked: Promise<void> = Promise.resolve();

  constructor(lake: string) {
    const failed = (error: Error) => void this.failures.push(error);
    this.follower = new Follower({ lake, catalog, failed, failurePause: 20 });
    this.reader = new LakeReader(this.follower, catalog.tables);
  }

  /** What following failed with, and was tried again after. */
  readonly failures: Error[] = [];

  start(): void {
    this.follower.start();
    this.looked = this.look();
  }

  /** The last transaction that shows; -1 before the first. */
  get last(): number {
    return this.seen.at(-1)?.n ?? -1;
  }

  async stop(): Promise<void> {
    this.looking = false;
    await this.looked;
    await this.follower.stop();
  }

  private async look(): Promise<void> {
    for (let last = 0; this.looking;) {
      if (this.follower.followed) {
        const cut = await this.reader
          .read((session) => this.cutOf(session, last))
          .catch((error: Error) => {
            this.failures.push(error);
            return null;
          });
        if (cut) this.keep(cut, last);
        last = cut?.position ?? last;
      }
      await sleep(30);
    }
  }

  private keep(cut: SeenCut, last: number): void {
    if (cut.position < last) this.wrong.push(`a reader fell from position ${last} to ${cut.position}`);
    this.seen.push(cut);
  }

  /** null: nothing new. */
  private async cutOf(session: ReadSession, last: number): Promise<SeenCut | null> {
    const { position } = session.cut;
    if (position === last || position === 0) return null;
    const sum = (table: typeof accounts) => `(SELECT coalesce(sum(balance), 0)::BIGINT FROM ${session.current(table)})`;
    const [row] = await session.rows(
      `SELECT ${sum(accounts)} + ${sum(deposits)} AS money, (SELECT max(n) FROM ${session.current(counters)}) AS n`,
    );
    if (Number(row!['money']) !== total) this.wrong.push(`position ${position} shows ${String(row!['money'])} in all`);
    const rows = [];
    for (const table of catalog.tables) rows.push(await rowsOf(table, session));
    return { position, n: Number(row!['n']), rows: JSON.stringify(rows) };
  }
}

async function rowsOf(table: (typeof catalog.tables)[number], session: ReadSession): Promise<[string, string][]> {
  const texts = (names: readonly string[]) =>
    `to_json([${names.map((name) => `"${name}"::VARCHAR`).join(', ')}])::VARCHAR`;
  const state = table.columns.filter(({ name }) => !table.key.includes(name)).map(({ name }) => name);
  const rows = await session.rows(
    `SELECT ${texts(table.key)} AS key, ${texts(state)} AS state FROM ${session.current(table)}`,
  );
  const pairs = rows.map(({ key, state }): [string, string] => [String(key), String(state)]);
  return pairs.sort(([a], [b]) => (a < b ? -1 : 1));
}
