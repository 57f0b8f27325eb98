/** A reader of the query API on a made-up lake: how soon it is there, what it answers, how it takes over changes. */
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { DuckDBConnection } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { university } from '#libs/university';
import { readRows } from '../../apps/query-api/src/follower/duckdb-value.js';
import { Follower } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { Followed } from '../../apps/query-api/src/follower/opened-lake.js';
import { median } from '../measuring/latencies.js';
import { History, keyOf } from './history.js';
import { catalogOf } from './made-up-lake.js';
import { questions, type Asked, type Question } from './questions.js';
import { memory, serve, type Memory } from './worker.js';

export interface ReaderOptions {
  readonly folder: string;
  readonly table: string;
  readonly keys: number;
  readonly versions: number;
}

/** Milliseconds, p50. */
export interface Timed {
  readonly name: string;
  readonly lake: number;
  readonly file: number;
  /** As it is printed. */
  readonly aim: string;
}

export interface ReaderQuestions extends Record<string, (argument: never) => Promise<unknown>> {
  /** Seconds until it answers. */
  start(nothing: null): Promise<number>;
  answer(nothing: null): Promise<readonly Timed[]>;
  /** Milliseconds of each refresh since this was asked the last time, once the position is shown. */
  refreshes(position: number): Promise<readonly number[]>;
  memory(nothing: null): Promise<Memory>;
}

const patience = 600_000;

await serve(async ({ folder, table: name, keys, versions }: ReaderOptions): Promise<ReaderQuestions> => {
  const own = catalogOf(university, name);
  const [table] = own.tables;
  const history = new History(table!, keys, versions);
  const failed = (error: Error) => {
    throw error;
  };
  const follower = new Follower({ lake: join(folder, 'lake'), catalog: own, failed });
  const reader = new LakeReader(follower, own.tables);
  let times: number[] = [];
  const asked = (): Asked => ({
    key: keyOf(Math.floor(Math.random() * keys)),
    // after the first round each key has a version
    position: Math.max(history.cutAt(keys / versions), history.cutAt(Math.random())),
  });
  return {
    async start() {
      const started = performance.now();
      follower.start();
      if (!(await reader.waitForPosition(versions, patience))) throw new Error('The reader did not come to the end.');
      const seconds = (performance.now() - started) / 1000;
      times = timedRefreshes(follower.followed!);
      return seconds;
    },
    async answer() {
      const duckdb = await (await openDuckDb()).connect();
      const timed: Timed[] = [];
      for (const question of questions(reader, table!))
        timed.push(await compare(question, { file: join(folder, 'one.parquet'), asked, duckdb }));
      return timed;
    },
    async refreshes(position) {
      if (!(await reader.waitForPosition(position, patience))) throw new Error(`Position ${position} was not shown.`);
      return times.splice(0);
    },
    memory: async () => memory(),
  };
});

/** Filled with the milliseconds of each refresh: from the look at the logs to the swapped cut. */
function timedRefreshes({ lake, memory }: Followed): number[] {
  const times: number[] = [];
  let looked = 0;
  const catchUp = lake.catchUp.bind(lake);
  const advance = memory.advance.bind(memory);
  lake.catchUp = () => {
    looked = performance.now();
    return catchUp();
  };
  memory.advance = async (...changes) => {
    const transactions = await advance(...changes);
    times.push(performance.now() - looked);
    return transactions;
  };
  return times;
}

interface Beside {
  readonly file: string;
  readonly asked: () => Asked;
  readonly duckdb: DuckDBConnection;
}

/** In turn, so that whatever else the machine does falls on both. The first round warms up. */
async function compare({ name, runs, lake, file, aim }: Question, beside: Beside): Promise<Timed> {
  const [ofLake, ofFile]: number[][] = [[], []];
  for (let run = -1; run < runs; run++) {
    const asked = beside.asked();
    const began = performance.now();
    const answer = await lake(asked);
    const between = performance.now();
    const rows = await readRows(beside.duckdb, file.sql(asked, `read_parquet('${beside.file}')`));
    const ended = performance.now();
    if (!isDeepStrictEqual(answer, file.answer(rows)))
      throw new Error(
        `${name} of ${JSON.stringify(asked)}: ${show(answer)} of the lake, ${show(file.answer(rows))} of the file`,
      );
    if (run < 0) continue;
    ofLake!.push(between - began);
    ofFile!.push(ended - between);
  }
  return { name, lake: median(ofLake!), file: median(ofFile!), aim };
}

const show = (answer: unknown): string =>
  JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).slice(0, 300);
