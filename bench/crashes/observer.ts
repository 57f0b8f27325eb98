/**
 * A reader beside: whatever happens to the projector, each cut that it shows is kept, all tables of it, and with it what it
 * shows as of an older position; both are compared with the source's record later. What a cut can be told to be wrong by
 * itself is told at once.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Follower } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { ReadSession } from '../../apps/query-api/src/follower/reader.js';
import { keyColumns, stateColumns, type Catalog, type Table } from '#libs/catalog';
import type { SeenCut } from './cuts.js';
import { textsOf } from './lake-contents.js';
import { randomOf, type Random } from './random.js';
import { counters, type World } from './worlds/world.js';

type Relation = (table: Table) => string;

export class Observer {
  readonly seen: SeenCut[] = [];
  /** As of older positions. */
  readonly past: SeenCut[] = [];
  readonly wrong: string[] = [];
  private readonly follower: Follower;
  private readonly reader: LakeReader;
  private readonly random: Random;
  private looking = true;
  private looked: Promise<void> = Promise.resolve();

  /** `catalog`: what it takes the tables for. */
  constructor(
    lake: string,
    private readonly catalog: Catalog,
    private readonly constant: World['constant'],
    seed: number,
  ) {
    this.random = randomOf(seed);
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
      const { followed } = this.follower;
      if (followed && followed.memory.cut.position !== last) {
        await this.reader
          .read((session) => this.lookAt(session, last))
          .catch((error: Error) => this.failures.push(error));
        last = this.seen.at(-1)?.position ?? last;
      }
      await sleep(30);
    }
  }

  private async lookAt(session: ReadSession, last: number): Promise<void> {
    const { position } = session.cut;
    if (position === last || position === 0) return;
    const cut = await this.cutOf(session, position, (table) => session.current(table));
    const moment = await session.cutAtPosition(1 + Math.floor(this.random() * position));
    if (moment)
      this.past.push(await this.cutOf(session, moment.position, (table) => session.asOf(table, moment.position)));
    if (position < last) this.wrong.push(`a reader fell from position ${last} to ${position}`);
    this.seen.push(cut);
  }

  private async cutOf(session: ReadSession, position: number, relation: Relation): Promise<SeenCut> {
    const [row] = await session.rows(`SELECT max(n) AS n FROM ${relation(counters)}`);
    await this.lookAtConstant(session, position, relation);
    const rows: string[] = [];
    for (const table of this.catalog.tables) rows.push(await rowsOf(table, session, relation));
    return { position, n: Number(row!['n']), catalog: this.catalog, rows };
  }

  private async lookAtConstant(session: ReadSession, position: number, relation: Relation): Promise<void> {
    if (!this.constant) return;
    const { tables, column, sum } = this.constant;
    const sums = tables.map((name) => {
      const table = this.catalog.tables.find((one) => one.table === name)!;
      return `(SELECT coalesce(sum("${column}"), 0)::BIGINT FROM ${relation(table)})`;
    });
    const [row] = await session.rows(`SELECT ${sums.join(' + ')} AS found`);
    if (Number(row!['found']) !== sum) this.wrong.push(`position ${position} shows ${String(row!['found'])} in all`);
  }
}

async function rowsOf(table: Table, session: ReadSession, relation: Relation): Promise<string> {
  const [key, state] = [textsOf(keyColumns(table)), textsOf(stateColumns(table))];
  const rows = await session.rows(`SELECT ${key} AS key, ${state} AS state FROM ${relation(table)}`);
  const pairs = rows.map((row): [string, string] => [String(row['key']), String(row['state'])]);
  return JSON.stringify(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}
