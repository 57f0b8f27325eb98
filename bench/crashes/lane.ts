/**
 * One source and its lake, with a workload that goes on, a reader beside, and a projector that is struck again and again.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Catalog } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { bank } from './bank.js';
import { LakeContents } from './lake-contents.js';
import { makeLakeTables } from './lake-tables.js';
import { loseSlot } from './lost-slot.js';
import { Observer } from './observer.js';
import { untilFolded, wrongOfVerification } from './projector-api.js';
import { ProjectorProcess, type Form } from './projector-process.js';
import { lastNumber, readRecord, type Recorded } from './record.js';
import type { Outcome, Strike, Struck } from './strike.js';
import { verdictOn, type Verdict } from './verdict.js';
import { Workload, type Pace } from './workload.js';
import { both, type World } from './worlds/world.js';

export interface LaneOptions {
  readonly databaseUrl: string;
  /** Also the slot's name. */
  readonly name: string;
  readonly folder: string;
  /** Default: a folder in `folder`. */
  readonly lake?: string;
  readonly seed: number;
  readonly pace: Pace;
  /** Whether a projector whose source has changed snapshots it anew by itself. */
  readonly resnapshots: boolean;
  /** Of each service, beyond what every lane has: another way from the source to the lake. */
  readonly services?: Readonly<Record<string, string>>;
  /** Whether the workload does not begin before it is told to. */
  readonly rests?: boolean;
  /** Whether old entries and files go soon, or no clean-up would be in flight. Default: yes. */
  readonly tidies?: boolean;
  /** Default: the bank. */
  readonly world?: World;
}

export class Lane {
  private readonly log: string;
  private readonly lake: string;
  private observers: Observer[] = [];
  private workload: Workload | null = null;
  private readonly world: World;
  /** Which of the world's catalogs projectors are started with. */
  private entry = 0;
  private lines = 0;
  private rounds = 0;

  private constructor(private readonly options: LaneOptions) {
    this.log = join(options.folder, 'failpoints.log');
    this.lake = options.lake ?? join(options.folder, 'lake');
    this.world = options.world ?? bank;
  }

  static async open(options: LaneOptions): Promise<Lane> {
    const lane = new Lane(options);
    await mkdir(lane.lake, { recursive: true });
    const client = new pg.Client({ connectionString: options.databaseUrl });
    await client.connect();
    await client.query(lane.world.ddl);
    await client.end();
    for (const [i, catalog] of lane.world.catalogs.entries())
      writeFileSync(lane.catalogModule(i), `export const catalog = ${JSON.stringify(catalog)};`);
    await makeLakeTables(lane.lake, lane.catalog, options.tidies !== false);
    lane.observe();
    if (!options.rests) await lane.work();
    return lane;
  }

  /** The workload begins, or goes on with other transactions than before. */
  async work(): Promise<void> {
    const { databaseUrl, pace, seed } = this.options;
    const { statementsOf } = this.world;
    this.workload = await Workload.start(databaseUrl, statementsOf, pace, seed + 1000 * this.rounds++);
  }

  /**
   * Another reader, which opens the lake as it is now; the ones before go on. The first knows what either catalog knows, the
   * others are of the one that is in force when they start.
   */
  observe(): void {
    const { catalogs, constant } = this.world;
    const catalog = this.observers.length === 0 ? both(catalogs) : this.catalog;
    const observer = new Observer(this.lake, catalog, constant, this.options.seed + this.observers.length);
    observer.start();
    this.observers.push(observer);
  }

  /** The last transaction that every reader shows. */
  get seen(): number {
    return Math.min(...this.observers.map(({ last }) => last));
  }

  /** How many transactions the source has committed. */
  transactions(): Promise<number> {
    return lastNumber(this.options.databaseUrl);
  }

  /** Resolves when the projector has ended. */
  async strike({ failpoints, provoke, losesSlot, changesCatalog, patience }: Strike): Promise<Outcome> {
    if (losesSlot) await loseSlot(this.options.databaseUrl, this.options.name);
    if (changesCatalog) this.entry = 1 - this.entry;
    const projector = this.start('slim', { FAILPOINTS: failpoints, FAILPOINTS_LOG: this.log });
    const timer = setTimeout(() => projector.signal('SIGKILL'), patience * 1000);
    if (provoke) void projector.streaming.then(() => projector.tell(provoke));
    const signal = await projector.ended;
    clearTimeout(timer);
    const struck = this.newLines(projector).map((line) => ({ ...line, changesCatalog: changesCatalog === true }));
    return { struck, byItself: signal === null, said: projector.said.join(''), verified: projector.verified };
  }

  /** A projector that nobody strikes brings everything in and folds it; then the lake is compared with the source. */
  async finish(): Promise<Verdict & { readonly snapshots: number }> {
    const projector = this.start('whole', {});
    try {
      const record = await this.through(projector);
      const wrong = await wrongOfVerification((await projector.url)!, { lake: this.lake, spool: this.spool });
      await projector.end('SIGTERM');
      for (const observer of this.observers) await observer.stop();
      const verdict = await this.judge(record);
      return { ...verdict, wrong: [...verdict.wrong, ...wrong] };
    } finally {
      await projector.end('SIGKILL');
    }
  }

  /** The workload rests until all of it came through the projector that runs; then the lake is compared with the source. */
  async check(projector: ProjectorProcess): Promise<Verdict & { readonly snapshots: number }> {
    const verdict = await this.judge(await this.through(projector));
    await this.work();
    return verdict;
  }

  /** Resolves when all that the source has committed is in the lake, and folded. */
  private async through(projector: ProjectorProcess): Promise<Recorded[]> {
    await this.workload!.stop();
    this.workload = null;
    const record = await readRecord(this.options.databaseUrl, this.catalog);
    await this.untilSeen(record.at(-1)!.n, projector);
    await untilFolded((await projector.url)!);
    return record;
  }

  async close(): Promise<void> {
    await this.workload?.stop();
    for (const observer of this.observers) await observer.stop();
  }

  start(form: Form, more: Readonly<Record<string, string>>): ProjectorProcess {
    return new ProjectorProcess(form, { ...this.environment, ...more });
  }

  /** Of each service. */
  get environment(): Readonly<Record<string, string>> {
    const { databaseUrl, name, resnapshots } = this.options;
    return {
      ...{ DATABASE_URL: databaseUrl, REPLICATION_SLOT: name, PUBLICATION: this.world.name, LAKE: this.lake },
      ...{
        LAKE_URL: pathToFileURL(this.lake).href,
        SPOOL_FOLDER: this.spool,
        CATALOG_MODULE: this.catalogModule(this.entry),
      },
      ...{ FOLD_CHANGES: '60', FOLD_AGE_SECONDS: '1', RESNAPSHOT: resnapshots ? 'auto' : 'never' },
      ...this.options.services,
    };
  }

  private get catalog(): Catalog {
    return this.world.catalogs[this.entry]!;
  }

  private catalogModule(entry: number): string {
    return join(this.options.folder, `catalog-${entry}.mjs`);
  }

  private get spool(): string {
    return join(this.options.folder, 'spool');
  }

  private async judge(record: readonly Recorded[]) {
    const instance = await openDuckDb();
    const duckdb = await instance.connect();
    try {
      const lake = new LakeContents(this.lake, duckdb);
      const seen = this.observers.flatMap((observer) => observer.seen);
      const past = this.observers.flatMap((observer) => observer.past);
      const verdict = await verdictOn(lake, record, { seen, past }, { world: this.world, catalog: this.catalog });
      const told = this.observers.flatMap((observer) => observer.wrong);
      const snapshots = (await lake.transactions()).filter(({ txId }) => txId === '0').length;
      return { ...verdict, wrong: [...verdict.wrong, ...told], snapshots };
    } finally {
      duckdb.closeSync();
      instance.closeSync();
    }
  }

  private async untilSeen(n: number, projector: ProjectorProcess): Promise<void> {
    const deadline = Date.now() + 120_000;
    while (this.observers.some(({ last }) => last < n)) {
      if (Date.now() > deadline) {
        const lasts = this.observers.map(
          ({ last, failures }) => `${last} (${failures.at(-1)?.message ?? 'no failure'})`,
        );
        throw new Error(`Transaction ${n} is not seen: ${lasts.join(', ')}\n${projector.said.join('')}`);
      }
      await sleep(20);
    }
  }

  private newLines({ pid }: ProjectorProcess): Omit<Struck, 'changesCatalog'>[] {
    if (!existsSync(this.log)) return [];
    const lines = readFileSync(this.log, 'utf8').trim().split('\n');
    const fresh = lines.slice(this.lines).map((line) => JSON.parse(line) as Struck);
    this.lines = lines.length;
    return fresh.filter((struck) => struck.pid === pid);
  }
}
