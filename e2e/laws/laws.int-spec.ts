/**
 * The ten laws of versions, each on random histories of real databases: Postgres, its log, the slot, the projector, the
 * lake's files, and two readers. What must be follows from the tables as they were after each commit.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import fc from 'fast-check';
import { checkCatalog, type Table } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { answers, expectedAnswers, withReader } from '../histories/answers.js';
import { expectedOf, identityOf, keyOf } from './expected.js';
import { Histories, type History, type Story } from './history.js';
import type { Row } from './source.js';
import { extras } from './statement-sql.js';
import { life, stepsOf, statementsOf, type Focus, type Life, type Weights } from './steps.js';
import { worlds, type World } from './worlds.js';

/** Histories of each law on each database. */
const cases = process.env.RUNS ? Math.ceil(Number(process.env.RUNS) / 50) : 1;
const seed = Number(process.env.SEED ?? 1);

let [folder, duckdb] = ['', null as unknown as DuckDBInstance];
let histories: Histories;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migsbyu-laws-'));
  duckdb = await openDuckDb({ threads: 1 });
  histories = new Histories(folder, duckdb);
});
afterAll(async () => {
  duckdb.closeSync();
  await rm(folder, { recursive: true });
});

const storyOf = (focus: Focus): fc.Arbitrary<Story> =>
  fc.record({ found: statementsOf({ ...focus, length: 6 }), life, steps: stepsOf({ ...focus, length: 48 }) });

/** Minutes after which the search for a smaller counterexample ends. */
const patience = 5;

function law(number: number, says: string, focus: Focus, check: (history: History) => Promise<void> | void): void {
  const title = `law ${number}: ${says} (${cases * worlds.length} histories)`;
  const holds = (world: World) =>
    fc.assert(
      fc.asyncProperty(storyOf(focus), (story) =>
        histories.tell(world, story, async (history) => {
          await answersAreRight(history);
          changelogIsRight(history);
          await check(history);
        }),
      ),
      {
        numRuns: cases,
        seed: seed + number,
        interruptAfterTimeLimit: patience * 60_000 * cases,
        endOnFailure: process.env.SHRINK === 'no',
      },
    );
  it(
    title,
    async () => {
      expect.hasAssertions();
      for (const world of worlds) await holds(world);
    },
    3_600_000,
  );
}

/** Both readers know all versions, at the end and at each end of a transaction, and knew them whenever they were asked. */
async function answersAreRight({ world, expected, readers, looks, placed }: History): Promise<void> {
  const last = placed.at(-1)!.at.last;
  for (const [turn, [who, reader]] of Object.entries(readers).entries())
    for (const table of world.catalog.tables) {
      const ends = expected.ends.filter((_, i) => i % 2 === turn);
      const found = { who, table: table.table, ...(await answers(reader, ends, table)) };
      expect(found).toEqual({ who, table: table.table, ...expectedAnswers({ ...expected, ends }, table, last) });
    }
  const cuts = new Set(expected.ends.map(({ position }) => position));
  for (const { table: name, ...look } of looks) {
    const table = world.catalog.tables.find(({ table }) => table === name)!;
    const { cut, all, current } = expectedAnswers({ ...expected, ends: [] }, table, look.cut);
    expect({ ...look, isCut: cuts.has(look.cut) }).toEqual({ cut, all, current, isCut: true });
  }
}

/** Dense, in order, each row as it was with all its columns, later than the one before and than what was called final. */
function changelogIsRight({ transactions, placed, world, kept }: History): void {
  const changes = transactions.flatMap((transaction) => transaction.changes);
  expect(changes.map(({ position }) => position)).toEqual(changes.map((_, i) => i + 1));
  for (const transaction of transactions)
    expect(transaction.changes.map(({ ordinal }) => ordinal)).toEqual(transaction.changes.map((_, i) => i));
  const times = transactions.map(({ effectiveAt }) => effectiveAt);
  expect(times.slice(1).filter((time, i) => time <= times[i]!)).toEqual([]);
  for (const { position, time } of kept)
    expect(transactions.filter(({ first, effectiveAt }) => first > position && effectiveAt <= time)).toEqual([]);
  for (const { at, tables, altered } of placed)
    for (const table of altered ? [] : world.catalog.tables) {
      const rows = new Map(tables[table.table]!.map((row) => [JSON.stringify(keyOf(table, row)), row]));
      const lasts = new Map(at.changes.filter((change) => change.table === table.table).map((one) => [one.key, one]));
      for (const { key, after } of lasts.values())
        if (after !== null && rows.has(key!)) expect(JSON.parse(after)).toEqual(rows.get(key!));
    }
}

interface Interval {
  readonly identity: string;
  readonly opened: number;
  readonly closed: number | null;
  readonly from: bigint;
  readonly to: bigint | null;
}

async function intervals({ readers }: History, table: Table): Promise<Interval[]> {
  return readers['a reader that starts'].read(async (session) => {
    const rows = await session.rows(`SELECT * FROM ${session.versions(table)} ORDER BY opened_tx`);
    return rows.map((row) => ({
      identity: JSON.stringify(table.key.map((name) => String(row[name]))),
      ...{ opened: Number(row['opened_tx']), closed: row['closed_tx'] === null ? null : Number(row['closed_tx']) },
      ...{ from: row['valid_from'] as bigint, to: row['valid_to'] as bigint | null },
    }));
  });
}

describe('on histories of real databases', () => {
  law(1, 'intervals are half-open and never overlap', {}, async (history) => {
    for (const table of history.world.catalog.tables)
      for (const versions of Map.groupBy(await intervals(history, table), ({ identity }) => identity).values())
        versions.forEach(({ opened, closed, from, to }, i) => {
          expect((closed === null) === (to === null)).toBe(true);
          const next = versions[i + 1];
          if (closed !== null) expect(opened < closed && from < to!).toBe(true);
          if (next) expect(closed !== null && closed <= next.opened && to! <= next.from).toBe(true);
        });
  });

  law(
    2,
    'order is position, and a time is a position',
    { weights: { 'set clocks': 8 } },
    async ({ readers, transactions }) => {
      const end = (wanted: (of: (typeof transactions)[number]) => boolean) => transactions.findLast(wanted)?.last;
      await readers['a reader that starts'].read(async (session) => {
        for (let position = 0; position <= transactions.at(-1)!.last + 2; position++)
          expect({ position, cut: (await session.cutAtPosition(position))?.position }).toEqual({
            position,
            cut: end(({ last }) => last <= position),
          });
        for (const { effectiveAt } of transactions)
          for (const time of [effectiveAt - 1n, effectiveAt, effectiveAt + 1n])
            expect({ time, cut: (await session.cutAtTime(time))?.position }).toEqual({
              time,
              cut: end((of) => of.effectiveAt <= time),
            });
      });
    },
  );

  law(
    3,
    'one rule makes every version, and the last change signs it',
    { weights: { event: 20, commit: 12, put: 20 }, keys: 2 },
    ({ expected, transactions }) => {
      const changes = transactions.flatMap((transaction) => transaction.changes);
      const keys = [...expected.versions].flatMap(([table, versions]) =>
        versions.map(({ position }) => [table, position] as const),
      );
      expect(new Set(keys.map(([, position]) => position)).size).toBe(keys.length);
      for (const [table, position] of keys) {
        const change = changes[position - 1]!;
        expect([change.table, ['c', 'u', 'r'].includes(change.op)]).toEqual([table, true]);
      }
    },
  );

  const busy: Weights = {
    commit: 24,
    replace: 10,
    'there and back': 10,
    touch: 10,
    remove: 8,
    truncate: 5,
    savepoint: 5,
    'roll back to savepoint': 4,
  };
  law(
    4,
    'a transaction makes at most one version of a key, and none of what it left as it was',
    { weights: busy, keys: 4 },
    async (history) => {
      for (const table of history.world.catalog.tables) {
        const versions = await intervals(history, table);
        let before = new Map<string, string>();
        for (const { at, tables } of history.placed) {
          const now = new Map(
            tables[table.table]!.map((row) => [
              identityOf(table, keyOf(table, row)),
              JSON.stringify(table.columns.map(({ name }) => row[name])),
            ]),
          );
          const same = (identity: string) => before.get(identity) === now.get(identity);
          const opened = versions.filter((version) => version.opened === at.first).map(({ identity }) => identity);
          expect(new Set(opened).size).toBe(opened.length);
          for (const version of versions)
            if (version.opened === at.first || version.closed === at.first)
              expect([version, same(version.identity)]).toEqual([version, false]);
          before = now;
        }
      }
    },
  );

  law(5, 'a changed primary key is a delete and a create', { weights: { rekey: 25 } }, ({ world, transactions }) => {
    for (const { changes } of transactions)
      for (const { table: name, op, key, after } of changes) {
        const table = world.catalog.tables.find(({ table }) => table === name);
        if (table && after !== null)
          expect([op, JSON.stringify(keyOf(table, JSON.parse(after) as Row))]).toEqual([op, key]);
      }
  });

  const calm: Life = {
    ...{ foldChanges: 3, chunk: 3, acknowledges: false, rewind: 3 },
    ...{ dies: null, rowsPerOpenFile: 2, tidies: false },
  };
  const restless: Weights = { restart: 10, doom: 8, fold: 6, 'catch up': 4, tidy: 3, look: 6 };
  law(6, 'redelivery, restarts and folds change no answer', { weights: restless }, async (history) => {
    const { pipeline, expected, world, readers } = history;
    await pipeline.restart(calm, true);
    await pipeline.running.folding.foldNow();
    for (const [who, reader] of Object.entries(readers)) {
      const behind = () => reader.freshness().folds.some(({ position }) => position < expected.ends.at(-1)!.position);
      while (behind()) await sleep(2);
      for (const table of world.catalog.tables)
        expect({ who, ...(await answers(reader, expected.ends, table)) }).toEqual({
          who,
          ...expectedAnswers(expected, table),
        });
    }
  });

  law(
    7,
    'a column that the catalog does not know changes nothing but the changelog',
    { weights: { 'add column': 8, 'drop column': 4, 'rename column': 4 } },
    ({ transactions, placed }) => {
      // that rows stand in the changelog with all their columns is part of every history's check
      expect(placed.length).toBe(transactions.length);
    },
  );

  law(
    8,
    'a snapshot opens, changes and closes only what it finds changed',
    { weights: { resnapshot: 3, restart: 3 } },
    ({ transactions, world }) => {
      for (const { txId, changes } of transactions) {
        if (txId !== '0') continue;
        const cleared = changes.filter(({ op }) => op === 't').map(({ table }) => table);
        expect(cleared.toSorted()).toEqual(
          [...world.catalog.tables, world.catalog.events!].map(({ table }) => table).toSorted(),
        );
        expect(new Set(changes.map(({ op }) => op))).toEqual(
          new Set(changes.length > cleared.length ? ['t', 'r'] : ['t']),
        );
      }
    },
  );

  law(
    9,
    'what does not type is unknown from there until it types, and nobody is stopped by it',
    { odds: 60 },
    async ({ world, expected, placed, readers }) => {
      for (const reader of Object.values(readers))
        await reader.read(async (session) => {
          for (const table of world.catalog.tables) {
            const keys = new Set(
              placed.flatMap(({ tables }) => tables[table.table]!.map((row) => JSON.stringify(keyOf(table, row)))),
            );
            for (const key of keys)
              for (const { position } of expected.ends) {
                const unknown = expected.unknown
                  .get(table.table)!
                  .some(
                    (one) =>
                      JSON.stringify(one.key) === key && one.from <= position && (one.to === null || one.to > position),
                  );
                const found = await session.quarantined(table, JSON.parse(key) as string[], position);
                expect({ key, position, unknown: found }).toEqual({ key, position, unknown });
              }
          }
        });
    },
  );

  const addingColumns: Focus = { weights: { 'add column': 8, 'drop column': 0, 'rename column': 0 }, defaults: false };
  law(
    7,
    'what the catalog did not know has its full past after an entry and a rebuild',
    addingColumns,
    async (history) => {
      const { pipeline, world, placed, lake } = history;
      const entries = extras.map(
        (name) => ({ name, type: 'text', nullable: true, label: name, description: name }) as const,
      );
      const tables = world.catalog.tables.map((table) => ({ ...table, columns: [...table.columns, ...entries] }));
      pipeline.catalog = checkCatalog({ ...world.catalog, tables });
      await pipeline.restart(calm, true);
      expect(pipeline.running.rebuilds.drifted).toEqual(tables.map(({ table }) => table));
      await pipeline.rebuildDrifted();
      const expected = expectedOf(tables, placed);
      await withReader({ lake, catalog: pipeline.catalog }, async (reader) => {
        await reader.waitForPosition(placed.at(-1)!.at.last, 20_000);
        for (const table of tables)
          expect(await answers(reader, expected.ends, table)).toEqual(expectedAnswers(expected, table));
      });
    },
  );

  law(10, 'the open versions are the rows of the source, and verify says so', {}, async (history) => {
    const { world, readers, source, expected, pipeline } = history;
    const { tables } = await source.now();
    const unknown = (table: Table) => expected.unknown.get(table.table)!.filter(({ to }) => to === null).length;
    for (const table of world.catalog.tables)
      for (const reader of Object.values(readers)) {
        const open = await reader.read((session) => session.rows(`SELECT * FROM ${session.current(table)}`));
        expect(open.length + unknown(table)).toBe(tables[table.table]!.length);
      }
    await pipeline.restart(calm, true);
    const report = await pipeline.verify();
    expect(
      report.tables.map(({ table, rows, equal, missing, extra, different, quarantined }) => ({
        table,
        rows,
        equal,
        missing,
        extra,
        different,
        quarantined,
      })),
    ).toEqual(
      world.catalog.tables.map((table) => {
        const rows = tables[table.table]!.length;
        return {
          ...{ table: table.table, rows, equal: rows - unknown(table), quarantined: unknown(table) },
          ...{ missing: 0, extra: 0, different: 0 },
        };
      }),
    );
  });
});
