/** A projector on a made-up lake, without a source: it appends what it is told to, folds when it is asked, rebuilds. */
import { join } from 'node:path';
import type { ChangeEvent, Transaction } from '#libs/change-event';
import { openDuckDb } from '#libs/lake';
import { university } from '#libs/university';
import { Projection } from '../../apps/projector/src/projection.js';
import { History, keyOf } from './history.js';
import { catalogOf } from './made-up-lake.js';
import { memory, serve, type Memory } from './worker.js';

export interface ProjectorOptions {
  readonly folder: string;
  readonly table: string;
  readonly keys: number;
  readonly versions: number;
}

export interface Append {
  readonly transactions: number;
  /** Changes of each. */
  readonly changes: number;
  /** The part of the range of keys that they fall into. */
  readonly share: number;
}

export interface Rebuilt {
  readonly seconds: number;
  readonly changes: number;
  readonly versions: number;
  /** Versions that came out different. */
  readonly different: number;
}

export interface ProjectorQuestions extends Record<string, (argument: never) => Promise<unknown>> {
  /** Resolves with the last position when all of it is durable. */
  append(append: Append): Promise<number>;
  /** Milliseconds of the one fold that this takes. */
  fold(nothing: null): Promise<number>;
  /** Seconds. */
  rebuild(nothing: null): Promise<Rebuilt>;
  memory(nothing: null): Promise<Memory>;
}

const hours = 3_600_000;

await serve(async ({ folder, table: name, keys, versions }: ProjectorOptions): Promise<ProjectorQuestions> => {
  const own = catalogOf(university, name);
  const history = new History(own.tables[0]!, keys, versions);
  const folds: number[] = [];
  const failed = (error: Error) => {
    throw error;
  };
  const options = { lake: join(folder, 'lake'), catalog: own, spoolFolder: join(folder, 'spool') };
  const projection = await Projection.open(
    await openDuckDb(),
    { ...options, foldChanges: 1_000_000, foldAge: 24 * hours },
    {
      appended: () => {},
      folded: ({ duration }) => folds.push(duration),
      ...{ foldFailed: failed, upkeepFailed: failed, failed, suspiciousClock: () => {} },
    },
  );
  let change = versions;
  const transaction = (count: number, share: number): Transaction => {
    const chosen = new Set<number>();
    while (chosen.size < count) chosen.add(Math.floor(Math.random() * keys * share));
    const changes = [...chosen].map((key, ordinal): ChangeEvent => {
      const after = JSON.stringify(history.stateAfter(key, ++change));
      return { ordinal, table: name, op: 'u', key: JSON.stringify([keyOf(key)]), before: after, after };
    });
    const end = { commitLsn: change, committedAt: BigInt(Date.now()) * 1000n };
    return {
      header: { txId: String(change % 2 ** 32) },
      changes: (async function* () {
        yield changes;
      })(),
      end: Promise.resolve(end),
    };
  };
  return {
    async append({ transactions, changes, share }) {
      for (let i = 0; i < transactions; i++) await projection.accept(transaction(changes, share));
      await projection.appender.settled();
      return projection.appender.lastPosition;
    },
    async fold() {
      const before = folds.length;
      await projection.folding.foldNow();
      if (folds.length !== before + 1) throw new Error(`${folds.length - before} folds where one was expected.`);
      return folds.at(-1)!;
    },
    async rebuild() {
      const started = performance.now();
      const report = await projection.rebuilds.rebuild(name, () => {}, new AbortController().signal);
      const { only_old, only_new, changed } = report.differences;
      return {
        seconds: (performance.now() - started) / 1000,
        ...{ changes: report.changes, versions: report.versions, different: only_old + only_new + changed },
      };
    },
    memory: async () => memory(),
  };
});
