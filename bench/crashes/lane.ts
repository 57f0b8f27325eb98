/**
 * One source and its lake, with a workload that goes on, a reader beside, and a projector that is struck again and again.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { lakeTable } from '#libs/catalog';
import { createTable } from '#libs/delta-log';
import { changelog, openDuckDb, quarantine, versionTable } from '#libs/lake';
import { catalog, ddl } from './bank.js';
import { LakeContents } from './lake-contents.js';
import { loseSlot } from './lost-slot.js';
import { Observer } from './observer.js';
import { ProjectorProcess, type Form, type Provocation } from './projector-process.js';
import { readRecord, type Recorded } from './record.js';
import { verdictOn, type Verdict } from './verdict.js';
import { Workload, type Pace } from './workload.js';

/** What a process is started with, and what is done to bring the step about. */
export interface Strike {
  /** As FAILPOINTS has it. */
  readonly failpoints: string;
  readonly provoke?: Provocation;
  /** The source's slot is dropped before. */
  readonly losesSlot?: true;
}

/** A line of FAILPOINTS_LOG: a step was in flight. */
export interface Struck {
  readonly name: string;
  readonly table?: string;
  readonly action: string;
  readonly pid: number;
}

export interface Outcome {
  /** The steps that were in flight; a projector that came by none was killed anywhere. */
  readonly struck: readonly Struck[];
  /** It ended without being killed. */
  readonly byItself: boolean;
  readonly said: string;
}

export interface LaneOptions {
  readonly databaseUrl: string;
  /** Also the slot's name. */
  readonly name: string;
  readonly folder: string;
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
}

const shortLives = {
  'delta.logRetentionDuration': 'interval 2 seconds',
  'delta.deletedFileRetentionDuration': 'interval 2 seconds',
};

type TableDefinition = Parameters<typeof createTable>[1];

/** Seconds after which a step that was not come by is given up. */
const patience = 12;

export class Lane {
  private readonly log: string;
  private readonly lake: string;
  private observers: Observer[] = [];
  private workload: Workload | null = null;
  private lines = 0;
  private rounds = 0;

  private constructor(private readonly options: LaneOptions) {
    this.log = join(options.folder, 'failpoints.log');
    this.lake = join(options.folder, 'lake');
  }

  static async open(options: LaneOptions): Promise<Lane> {
    const lane = new Lane(options);
    await mkdir(lane.lake, { recursive: true });
    const client = new pg.Client({ connectionString: options.databaseUrl });
    await client.connect();
    await client.query(ddl);
    await client.end();
    await lane.makeTables();
    lane.observe();
    if (!options.rests) await lane.work();
    return lane;
  }

  /** The workload begins, or goes on with other transactions than before. */
  async work(): Promise<void> {
    const { databaseUrl, pace, seed } = this.options;
    this.workload = await Workload.start(databaseUrl, pace, seed + 1000 * this.rounds++);
  }

  /** Another reader, which opens the lake as it is now; the ones before go on. */
  observe(): void {
    const observer = new Observer(this.lake, this.options.seed + this.observers.length);
    observer.start();
    this.observers.push(observer);
  }

  /** The last transaction that every reader shows. */
  get seen(): number {
    return Math.min(...this.observers.map(({ last }) => last));
  }

  /** How many transactions the source has committed. */
  async transactions(): Promise<number> {
    return (await readRecord(this.options.databaseUrl)).at(-1)!.n;
  }

  /** Resolves when the projector has ended. */
  async strike({ failpoints, provoke, losesSlot }: Strike): Promise<Outcome> {
    if (losesSlot) await loseSlot(this.options.databaseUrl, this.options.name);
    const projector = this.start('slim', { FAILPOINTS: failpoints, FAILPOINTS_LOG: this.log });
    const timer = setTimeout(() => projector.signal('SIGKILL'), patience * 1000);
    if (provoke) void projector.streaming.then(() => projector.tell(provoke));
    const signal = await projector.ended;
    clearTimeout(timer);
    return { struck: this.newLines(projector), byItself: signal === null, said: projector.said.join('') };
  }

  /** A projector that nobody strikes brings everything in and folds it; then the lake is compared with the source. */
  async finish(): Promise<Verdict & { readonly snapshots: number }> {
    const projector = this.start('whole', {});
    const record = await this.through(projector).finally(() => projector.end('SIGTERM'));
    for (const observer of this.observers) await observer.stop();
    return this.judge(record);
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
    const record = await readRecord(this.options.databaseUrl);
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
    const { databaseUrl, name, folder, resnapshots } = this.options;
    return {
      ...{ DATABASE_URL: databaseUrl, REPLICATION_SLOT: name, PUBLICATION: 'bank', LAKE: this.lake },
      ...{ LAKE_URL: pathToFileURL(this.lake).href, SPOOL_FOLDER: join(folder, 'spool'), CATALOG_MODULE: bank },
      ...{ FOLD_CHANGES: '60', FOLD_AGE_SECONDS: '1', RESNAPSHOT: resnapshots ? 'auto' : 'never' },
      ...this.options.services,
    };
  }

  private async judge(record: readonly Recorded[]) {
    const instance = await openDuckDb();
    const duckdb = await instance.connect();
    try {
      const lake = new LakeContents(this.lake, duckdb);
      const seen = this.observers.flatMap((observer) => observer.seen);
      const past = this.observers.flatMap((observer) => observer.past);
      const verdict = await verdictOn(lake, record, { seen, past });
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

  private newLines({ pid }: ProjectorProcess): Struck[] {
    if (!existsSync(this.log)) return [];
    const lines = readFileSync(this.log, 'utf8').trim().split('\n');
    const fresh = lines.slice(this.lines).map((line) => JSON.parse(line) as Struck);
    this.lines = lines.length;
    return fresh.filter((struck) => struck.pid === pid);
  }

  private async makeTables(): Promise<void> {
    const instance = await openDuckDb();
    const duckdb = await instance.connect();
    const lived = this.options.tidies === false ? (definition: TableDefinition) => definition : withShortLives;
    const make = (definition: TableDefinition) =>
      createTable(join(this.lake, definition.name), lived(definition), duckdb);
    await make({ ...changelog, partitionColumns: [], configuration: {} });
    await make({ ...quarantine, configuration: {} });
    for (const table of catalog.tables) await make({ name: lakeTable(table), ...versionTable(table) });
    duckdb.closeSync();
    instance.closeSync();
  }
}

async function untilFolded(url: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ;) {
    const status = (await (await fetch(`${url}/v1/status`)).json()) as {
      position: number | null;
      folded: number | null;
    };
    if (status.position !== null && status.position === status.folded) return;
    if (Date.now() > deadline) throw new Error(`The lake is not folded: ${JSON.stringify(status)}`);
    await sleep(50);
  }
}

const withShortLives = (definition: TableDefinition): TableDefinition => ({
  ...definition,
  configuration: { ...definition.configuration, ...shortLives },
});

const bank = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? 'bank.ts' : 'bank.js', import.meta.url));
