/** A history, from the first statement to what the lake holds of it and what readers of it answered. */
import { mkdir, rm } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { checkpoint, cleanLog, DeltaTable } from '#libs/delta-log';
import type { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import { answers, withReader } from '../histories/answers.js';
import { readChangelog, type PlacedTransaction } from './changelog.js';
import { expectedOf, place, type Expected, type PlacedMoment } from './expected.js';
import { Mortality, Pipeline } from './pipeline.js';
import { Source, type Moment } from './source.js';
import type { Life, Statement, Step } from './steps.js';
import type { World } from './worlds.js';

export interface Story {
  /** Before anybody looks. */
  readonly found: readonly Statement[];
  readonly life: Life;
  readonly steps: readonly Step[];
}

/** What a reader answered while the history went on. */
export interface Look {
  readonly table: string;
  readonly cut: number;
  readonly all: readonly unknown[];
  readonly current: readonly unknown[];
}

export interface History {
  readonly world: World;
  readonly moments: readonly Moment[];
  readonly transactions: readonly PlacedTransaction[];
  readonly placed: readonly PlacedMoment[];
  readonly expected: Expected;
  readonly looks: readonly Look[];
  /** Watermarks as they were kept. */
  readonly kept: Pipeline['kept'];
  /** A reader that followed all along, and one that starts at the end. */
  readonly readers: Readonly<Record<'a reader that followed' | 'a reader that starts', LakeReader>>;
  readonly pipeline: Pipeline;
  readonly source: Source;
  readonly lake: string;
}

export class Histories {
  private count = 0;
  constructor(
    private readonly folder: string,
    private readonly duckdb: DuckDBInstance,
  ) {}

  /** Lets it happen, and hands what came of it to `check`. A failure tells what was done. */
  async tell(world: World, story: Story, check: (history: History) => Promise<void>): Promise<void> {
    const lake = join(this.folder, String(++this.count));
    await mkdir(lake);
    const database = await world.database();
    const source = await Source.open(database.url, world);
    const telling = new Telling(world, source, { lake, duckdb: this.duckdb, database });
    try {
      await ending(telling.tell(story, check));
    } catch (error) {
      const failure = error as Error; // told before the end, which may fail as well
      failure.message += `\n\nWhat was done in ${world.catalog.name}:\n${source.transcript.join('\n')}`;
      throw failure;
    } finally {
      await ending(telling.end()).catch((error: Error) => source.note(`-- the end: ${error.message}`));
      await source.close();
      await database.close();
      await rm(lake, { recursive: true });
    }
  }
}

/** A history that stands still is a failure to tell, with all that led to it. */
async function ending(told: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error('The history stands still.')),
    Number(process.env.STILL ?? 90_000),
  );
  await Promise.race([told, late.promise]).finally(() => clearTimeout(timer));
}

interface Place {
  readonly lake: string;
  readonly duckdb: DuckDBInstance;
  readonly database: { readonly url: string; readonly name: string };
}

class Telling {
  private readonly mortality = new Mortality();
  private readonly clocks = { here: 0, there: 0 };
  private readonly pipeline: Pipeline;
  private readonly looks: Look[] = [];
  private readonly clock;

  constructor(
    private readonly world: World,
    private readonly source: Source,
    private readonly place: Place,
  ) {
    const { now } = Date;
    const { clocks, mortality } = this;
    this.clock = jest.spyOn(Date, 'now').mockImplementation(() => now() + clocks.here * 1000);
    this.pipeline = new Pipeline(world, source, place.database, { ...place, mortality, clocks });
  }

  async tell(story: Story, check: (history: History) => Promise<void>): Promise<void> {
    for (const statement of story.found) await this.source.execute(statement);
    await this.source.commitAll();
    await this.pipeline.begin(story.life);
    await this.pipeline.catchUp(story.life);
    const { lake } = this.place;
    const { catalog } = this.world;
    await withReader({ lake, catalog }, async (follower) => {
      await follower.waitForPosition(1, 20_000);
      for (const step of story.steps) await this.take(step, story.life, follower);
      await this.source.commitAll();
      await this.pipeline.catchUp(story.life);
      await withReader({ lake, catalog }, async (starter) =>
        check(await this.history({ 'a reader that followed': follower, 'a reader that starts': starter })),
      );
    });
  }

  async end(): Promise<void> {
    await this.pipeline.end(false).finally(() => this.mortality.restore());
    this.clock.mockRestore();
  }

  private async history(readers: History['readers']): Promise<History> {
    const { pipeline, source, world, looks } = this;
    const transactions = await this.withConnection((duckdb) => readChangelog(this.place.lake, duckdb));
    const placed = place(world.catalog.tables, source.moments, transactions);
    const expected = expectedOf(world.catalog.tables, placed);
    for (const [who, reader] of Object.entries(readers))
      if (!(await reader.waitForPosition(placed.at(-1)!.at.last, 20_000)))
        throw new Error(`${who} never came to the end`);
    return {
      world,
      moments: source.moments,
      transactions,
      placed,
      expected,
      looks,
      kept: pipeline.kept,
      readers,
      pipeline,
      source,
      lake: this.place.lake,
    };
  }

  private async take(step: Step, life: Life, follower: LakeReader): Promise<void> {
    switch (step.do) {
      case 'restart':
        this.source.note(`-- restart, ${step.orderly ? 'orderly' : 'killed'}`);
        return this.pipeline.restart(step.life, step.orderly);
      case 'doom':
        this.source.note(`-- doomed: ${JSON.stringify(step.death)}`);
        return this.mortality.doom(step.death);
      case 'resnapshot':
        return this.resnapshot(step.life, step.unseen);
      case 'set clocks':
        Object.assign(this.clocks, { here: step.here, there: step.there });
        return;
      case 'catch up':
        return this.pipeline.catchUp(life);
      case 'fold':
        return this.pipeline.fold();
      case 'tidy':
        return this.withConnection((duckdb) => tidy(this.place.lake, duckdb));
      case 'look':
        return this.look(follower);
      default:
        return 'table' in step ? this.source.execute(step) : this.source.control(step);
    }
  }

  private async resnapshot(life: Life, unseen: readonly Statement[]): Promise<void> {
    await this.source.commitAll();
    await this.pipeline.end(false);
    for (const statement of unseen) await this.source.execute(statement);
    await this.source.commitAll();
    await this.pipeline.begin(life, true);
  }

  private async look(follower: LakeReader): Promise<void> {
    for (const table of this.world.catalog.tables) {
      const { cut, all, current } = await answers(follower, [], table);
      this.looks.push({ table: table.table, cut, all, current });
    }
  }

  private async withConnection<T>(work: (duckdb: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.place.duckdb.connect();
    return work(connection).finally(() => connection.closeSync());
  }
}

/** Checkpoints every table and takes all of the log before that, as a day of upkeep would. */
async function tidy(lake: string, duckdb: DuckDBConnection): Promise<void> {
  for (const name of readdirSync(lake).filter((one) => !one.startsWith('_') && !one.startsWith('.'))) {
    const { folder, snapshot } = await DeltaTable.open(join(lake, name), duckdb);
    await checkpoint(folder, snapshot, duckdb);
    await cleanLog(folder, snapshot, { now: 8e15, retention: 0 });
  }
}
