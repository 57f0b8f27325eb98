/** Law 7 on real databases: a column of the catalog is dropped from the source, and given back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import type { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import { Histories } from './history.js';
import { worlds } from './worlds.js';

let [folder, duckdb] = ['', null as unknown as DuckDBInstance];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migsbyu-column-'));
  duckdb = await openDuckDb({ threads: 1 });
});
afterAll(async () => {
  duckdb.closeSync();
  await rm(folder, { recursive: true });
});

const life = {
  ...{ foldChanges: 1_000_000, chunk: 3, acknowledges: true, rewind: 0 },
  ...{ dies: null, rowsPerOpenFile: null, tidies: false },
};

/** Name of a table; its column that goes, as the source has it, with a value before and one after; one that stays. */
const cases = [
  ['students', 'gpa', 'numeric(3,2)', '3.90', '2.00', 'last_name'],
  ['berths', 'cranes', 'text', '12', '7', 'name'],
  ['stations', 'height', 'numeric', '1.5000', '2.5000', 'name'],
] as const;

describe('a column of the catalog that is dropped and given back', () => {
  it.each(cases)(
    'in %s leaves unknown what changed without it, and nothing else; folds wait for it by name',
    async (name, column, type, before, after, other) => {
      const world = worlds.find(({ tables }) => tables.some(({ table }) => table.table === name))!;
      const index = world.tables.findIndex(({ table }) => table.table === name);
      const { table, keys } = world.tables[index]!;
      const row = (key: number) => ({ key, values: 1, odd: false });
      const found = [{ session: 0, table: index, do: 'put' as const, rows: [row(0), row(1)] }];
      const where = (key: number) =>
        table.key.map((part, i) => `"${part}" = '${keys[key]![i]!.replaceAll("'", "''")}'`).join(' AND ');
      await new Histories(folder, duckdb).tell(world, { found, life, steps: [] }, async (history) => {
        const { source, pipeline, readers } = history;
        const run = async (...statements: string[]) => {
          for (const sql of statements) await source.run(sql);
          await pipeline.catchUp(life);
        };
        /** Of both keys: the column as the reader has it now; null where the key is unknown. */
        const expectBoth = async (wanted: readonly (string | null)[]) => {
          const last = pipeline.running.appender.lastPosition;
          const known = async (reader: LakeReader) => {
            expect(await reader.waitForPosition(last, 60_000)).toBe(true);
            return reader.read(async (session) => {
              const values = [];
              for (const key of [0, 1]) {
                const version = `SELECT "${column}"::VARCHAR AS value FROM ${session.current(table)} WHERE ${where(key)}`;
                const [found] = await session.rows(version);
                expect(await session.quarantined(table, keys[key]!, last)).toBe(!found);
                values.push(found ? found['value'] : null);
              }
              return values;
            });
          };
          for (const [who, reader] of Object.entries(readers))
            expect({ who, values: await known(reader) }).toEqual({ who, values: wanted });
        };
        const set = (what: string, value: string, key: number) =>
          `UPDATE ${name} SET "${what}" = '${value}' WHERE ${where(key)}`;
        await run(set(column, before, 0), set(column, before, 1));
        await pipeline.running.folding.foldNow();
        await expectBoth([before, before]);

        await run(`ALTER TABLE ${name} DROP COLUMN "${column}"`, set(other, 'changed', 0));
        await expectBoth([null, before]);
        await expect(pipeline.running.folding.foldNow()).rejects.toMatchObject({
          ...{ code: 'fold-failed', table: name, cause: { code: 'column-missing', column } },
        });
        expect(pipeline.failures.splice(0).length).toBeGreaterThan(0);

        await run(`ALTER TABLE ${name} ADD COLUMN "${column}" ${type}`, set(column, after, 0));
        await expectBoth([after, before]);
        await pipeline.running.folding.foldNow();
        await expectBoth([after, before]);

        await run(set(column, after, 1)); // what it was given back with nobody had told of this row
        await expectBoth([after, after]);
        const { tables } = await pipeline.verify();
        expect(tables.find((one) => one.table === name)).toMatchObject({
          ...{ rows: 2, equal: 2, missing: 0, extra: 0, different: 0, quarantined: 0 },
        });
      });
    },
    120_000,
  );
});
