/** One transaction of 100 000 rows, larger than what the projector holds in memory, and what follows it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb } from '#libs/lake';
import { Spool } from '../../apps/projector/src/append/spool.js';
import { Histories } from './history.js';
import { worlds, type World } from './worlds.js';

let [folder, duckdb] = ['', null as unknown as DuckDBInstance];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'migsbyu-large-'));
  duckdb = await openDuckDb({ threads: 1 });
});
afterAll(async () => {
  jest.restoreAllMocks();
  duckdb.closeSync();
  await rm(folder, { recursive: true });
});

const harbour = worlds.find(({ catalog }) => catalog.name === 'harbour') as World;
const life = {
  foldChanges: 1_000_000,
  chunk: 1000,
  acknowledges: true,
  rewind: 0,
  dies: null,
  rowsPerOpenFile: 30_000,
  tidies: false,
};

/** Number and name's checksum of the rows, which both sides can say of themselves. */
const rows = `count(*)::text, sum(number::bigint)::text, md5(string_agg(number || name, ',' ORDER BY number::bigint)), min(built)::text`;

describe('a transaction of 100 000 rows', () => {
  it('goes through a file, and is one step: before it, after it, and after each that follows', async () => {
    const spooled = jest.spyOn(Spool.prototype, 'write');
    await new Histories(folder, duckdb).tell(
      harbour,
      { found: [], life, steps: [] },
      async ({ source, pipeline, readers }) => {
        const insert = `INSERT INTO berths (quay, number, name, built) SELECT 'Bulk', i::text, repeat('x', 300) || i, '2001-01-01' FROM generate_series(1, 100000) AS i`;
        const moments = [await source.ask(`SELECT ${rows} FROM berths`)];
        await source.run(`SET lock_timeout = 0`); // so many rows bring the autovacuum, which gives way only after a second
        for (const sql of [
          insert,
          `UPDATE berths SET built = '1999-12-31' WHERE number::int % 1000 = 0`,
          `DELETE FROM berths WHERE number::int % 2 = 0`,
          `TRUNCATE berths`,
        ]) {
          await source.run(sql);
          moments.push(await source.ask(`SELECT ${rows} FROM berths`));
          await pipeline.catchUp(life);
        }
        expect(spooled).toHaveBeenCalled();
        const [berths] = harbour.catalog.tables;
        const ends = [2 + 1, 100_003, 100_103, 150_103, 150_104];
        for (const [who, reader] of Object.entries(readers)) {
          expect(await reader.waitForPosition(ends.at(-1)!, 60_000)).toBe(true);
          await reader.read(async (session) => {
            const asked = ends.map(async (position) =>
              Object.values((await session.rows(`SELECT ${rows} FROM ${session.asOf(berths!, position)}`))[0]!),
            );
            expect({ who, states: await Promise.all(asked) }).toEqual({ who, states: moments });
            const inside = [await session.cutAtPosition(60_000), await session.cutAtPosition(100_004)];
            expect(inside.map((cut) => cut!.position)).toEqual([3, 100_003]);
          });
        }
      },
    );
  }, 240_000);
});
