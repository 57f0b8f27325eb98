/**
 * Whatever happens to a table, however its changes are cut into refreshes and folds, and whatever is interrupted: the
 * answers are those of a plain replay. RUNS scales; a failure prints its seed and path, and SEED repeats it.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Table } from '#libs/catalog';
import { changesOf, historyOf, samples, tables } from '../test/histories.js';
import { sourceRows } from '../test/oracle.js';
import { columnTexts, Subject, type Way } from '../test/subject.js';
import { TestDuckDb } from '../test/test-duckdb.js';
import { currentSql } from './read-view.js';

const runs = Number(process.env.RUNS ?? 8);
/** Milliseconds: a busy machine is no failure. */
const timeout = 30_000 + runs * 5000;
/** Making a failing case small ends in time to say what failed. */
const options = {
  numRuns: runs,
  interruptAfterTimeLimit: timeout - 15_000,
  ...(process.env.SEED && { seed: Number(process.env.SEED) }),
};

let duckdb: TestDuckDb;
beforeAll(async () => {
  duckdb = await TestDuckDb.open();
});
afterAll(() => duckdb.close());

type Event =
  | { happens: 'refresh' | 'failed refresh'; transactions: number; way: Way }
  | { happens: 'fold'; share: number; ahead: number; crashes: boolean; compacts: boolean }
  | { happens: 'restart' };

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      happens: fc.constantFrom('refresh' as const, 'refresh' as const, 'refresh' as const, 'failed refresh' as const),
      transactions: fc.constantFrom(1, 1, 1, 2, 3, 8),
      way: fc.constantFrom<Way[]>('plainly', 'plainly', 'by SQL'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      happens: fc.constant('fold' as const),
      share: fc.constantFrom(1, 1, 0.6, 0.3, 0),
      ahead: fc.nat(2),
      crashes: fc.constantFrom(false, false, true),
      compacts: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ happens: 'restart' as const }) },
);

const caseOf = (of: Table) =>
  fc.record({
    history: historyOf(of),
    events: fc.array(event, { maxLength: 24, size: 'max' }),
    parquet: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  });

/** What is left over at the end comes in single transactions first. */
const rest: Event[] = [
  ...Array.from({ length: 7 }, (): Event => ({ happens: 'refresh', transactions: 1, way: 'plainly' })),
  { happens: 'refresh', transactions: Infinity, way: 'by SQL' },
  { happens: 'fold', share: 1, ahead: 0, crashes: false, compacts: false },
];

/** Returns whether it could. */
async function happen(subject: Subject, one: Event): Promise<boolean> {
  const next = subject.cuts(subject.applied);
  if (one.happens === 'restart') await subject.restart();
  else if (one.happens === 'fold') {
    const reach = next[one.ahead - 1] ?? subject.applied;
    const foldable = subject.cuts(subject.folded, reach);
    if (foldable.length === 0) return false;
    await subject.foldTo(foldable[Math.floor(one.share * (foldable.length - 1))]!, { ...one, reach });
  } else {
    if (next.length === 0) return false;
    const cut = next[Math.min(one.transactions, next.length) - 1]!;
    await subject.refreshTo(cut, one.way, one.happens === 'refresh' ? 'COMMIT' : 'ROLLBACK');
  }
  return true;
}

describe.each(tables.map((of) => [of.table, of] as const))('the versions of %s', (_, of) => {
  it(
    `are those of a plain replay, whatever happens and however it is cut (laws 1 to 9; ${runs} histories)`,
    async () => {
      const property = fc.asyncProperty(caseOf(of), async ({ history, events, parquet }) => {
        const subject = await new Subject(duckdb, of, changesOf(of, history), parquet).start();
        for (const one of [...events, ...rest]) {
          if (!(await happen(subject, one))) continue;
          expect(await subject.answers()).toEqual(subject.expected());
        }
        await subject.end();
      });
      await fc.assert(property, options);
    },
    timeout,
  );
});

describe('law 10: the open versions', () => {
  it(
    `are the source's rows that type (${runs} histories)`,
    async () => {
      const property = fc.asyncProperty(historyOf(samples), async (history) => {
        const changes = changesOf(samples, history);
        const subject = await new Subject(duckdb, samples, changes, false).start();
        await subject.refreshTo(subject.cuts().at(-1)!, 'plainly');
        const current = currentSql(samples);
        const source = sourceRows(samples, changes);
        const shown = await duckdb.rows(
          `SELECT ${columnTexts(
            samples,
            samples.columns.map(({ name }) => name),
          )} FROM (${current})`,
        );
        expect(shown.map((row) => JSON.stringify(row)).sort()).toEqual(source);
        await subject.end();
      });
      await fc.assert(property, options);
    },
    timeout,
  );
});
