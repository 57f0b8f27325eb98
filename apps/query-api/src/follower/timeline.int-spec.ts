import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import type { AddFile } from '#libs/delta-log';
import { changelogTags, openDuckDb } from '#libs/lake';
import { temporaryFolder } from '#libs/test-lake';
import { Timeline } from './timeline.js';

const folder = temporaryFolder('timeline');
let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});

interface Row {
  readonly position: number;
  readonly tx: number;
  readonly at: number;
}

let count = 0;
/** A changelog file of such rows. */
async function fileOf(rows: readonly Row[]): Promise<AddFile> {
  const path = `${++count}.parquet`;
  const values = rows.map(({ position, tx, at }) => `(${position}, ${tx}, make_timestamptz(${at}))`);
  await duckdb.run(`COPY (SELECT * FROM (VALUES ${values.join(', ')}) AS rows (position, tx_position, effective_at))
    TO '${folder}/${path}' (FORMAT parquet)`);
  const [first, last] = [rows[0]!, rows.at(-1)!];
  return {
    ...{ path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true },
    tags: {
      [changelogTags.firstPosition]: String(first.position),
      [changelogTags.lastPosition]: String(last.position),
      [changelogTags.firstEffectiveAt]: String(first.at),
      [changelogTags.lastEffectiveAt]: String(last.at),
    },
  };
}

/** Transactions of so many changes, effective at such times. */
function rowsOf(transactions: readonly { changes: number; at: number }[]): Row[] {
  let position = 0;
  return transactions.flatMap(({ changes, at }) => {
    const tx = position + 1;
    return Array.from({ length: changes }, () => ({ position: ++position, tx, at }));
  });
}

// positions 1 | 2 3 4 5 6 7 | 8 | 9 10 | 11; the second lies in three files, times are dense
const rows = rowsOf([
  { changes: 1, at: 1000 },
  { changes: 6, at: 1001 },
  { changes: 1, at: 1002 },
  { changes: 2, at: 5000 },
  { changes: 1, at: 5001 },
]);
const moments = [
  { position: 1, effectiveAt: 1000n },
  { position: 7, effectiveAt: 1001n },
  { position: 8, effectiveAt: 1002n },
  { position: 10, effectiveAt: 5000n },
  { position: 11, effectiveAt: 5001n },
];
const tip = moments.at(-1)!;

describe('the timeline', () => {
  let timeline: Timeline;
  beforeAll(async () => {
    timeline = new Timeline(folder);
    const parts = [rows.slice(0, 3), rows.slice(3, 5), rows.slice(5, 8), rows.slice(8, 11)];
    const files = await Promise.all(parts.map(fileOf));
    timeline.add([files[2]!, files[0]!, files[1]!]); // as a checkpoint may list them
    timeline.add([files[3]!]);
  });
  const atPosition = (position: number, end = tip) => timeline.atPosition(position, end, duckdb);
  const atTime = (microseconds: number, end = tip) => timeline.atTime(BigInt(microseconds), end, duckdb);

  it('takes a position for the last transaction that ends at or before it', async () => {
    for (let position = 0; position <= 15; position++) {
      const wanted = moments.findLast((moment) => moment.position <= position) ?? null;
      expect({ position, moment: await atPosition(position) }).toEqual({ position, moment: wanted });
    }
    expect(await atPosition(-1)).toBeNull();
  });

  it('takes a time for the last transaction that is effective at or before it', async () => {
    for (const time of [0, 999, 1000, 1001, 1002, 1003, 4999, 5000, 5001, 5002, 9_000_000]) {
      const wanted = moments.findLast(({ effectiveAt }) => effectiveAt <= time) ?? null;
      expect({ time, moment: await atTime(time) }).toEqual({ time, moment: wanted });
    }
  });

  it('knows nothing past the cut that it is asked from', async () => {
    for (const end of moments.slice(0, 4)) {
      expect(await atPosition(15, end)).toEqual(end);
      expect(await atTime(9_000_000, end)).toEqual(end);
      expect(await atPosition(end.position, end)).toEqual(end);
      expect(await atTime(Number(end.effectiveAt), end)).toEqual(end);
    }
    expect(await atTime(1000, moments[1]!)).toEqual(moments[0]);
  });

  it('knows since when changes after a position wait', () => {
    expect([0, 3, 8].map((folded) => timeline.effectiveAfter(folded))).toEqual([1000n, 1001n, 5000n]);
    expect([11, 12].map((folded) => timeline.effectiveAfter(folded))).toEqual([null, null]);
    expect(timeline.effectiveAfter(9)).toBe(5000n); // inside a file: at least not too young
    expect(new Timeline(folder).effectiveAfter(0)).toBeNull();
  });

  it('reads merged files instead of those that they hold, once it is told', async () => {
    const other = new Timeline(folder);
    const [first, second, third] = [rows.slice(0, 3), rows.slice(3, 5), rows.slice(5, 11)].map(fileOf);
    other.add([await first!, await second!]);
    other.add([await third!]);
    const merged = await fileOf(rows.slice(0, 5));
    other.replace([await third!, merged]);
    for (const file of [first, second]) rmSync(join(folder, (await file!).path));
    for (const { position, effectiveAt } of moments) {
      expect(await other.atPosition(position, tip, duckdb)).toEqual({ position, effectiveAt });
      expect(await other.atTime(effectiveAt, tip, duckdb)).toEqual({ position, effectiveAt });
    }
    other.add([await fileOf([{ position: 12, tx: 12, at: 6000 }])]);
    expect(await other.atTime(6000n, { position: 13, effectiveAt: 7000n }, duckdb)).toEqual({
      position: 12,
      effectiveAt: 6000n,
    });
  });

  it('finds a time in a file of many row groups, at their edges and where a transaction spans several', async () => {
    const path = 'large.parquet';
    const tx = `CASE WHEN range BETWEEN 20000 AND 90000 THEN 20000 ELSE range - range % 2 END`;
    await duckdb.run(`COPY (SELECT range AS position, ${tx} AS tx_position, make_timestamptz(1000 + 2 * (${tx})) AS effective_at
      FROM range(2, 200000)) TO '${folder}/${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
    const tags = {
      ...{ [changelogTags.firstPosition]: '2', [changelogTags.lastPosition]: '199999' },
      ...{ [changelogTags.firstEffectiveAt]: '1004', [changelogTags.lastEffectiveAt]: '400996' },
    };
    const other = new Timeline(folder);
    other.add([{ path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true, tags }]);
    const end = { position: 300_000, effectiveAt: 10_000_000n };
    const find = async (at: number) => (await other.atTime(BigInt(at), end, duckdb))?.position ?? null;
    expect(await find(1003)).toBeNull();
    const starts = Array.from({ length: 97 }, (_, group) => 2 + group * 2048).filter(
      (at) => at < 19_999 || at > 90_001,
    );
    for (const start of starts) {
      expect(await find(1000 + 2 * start)).toBe(start + 1);
      if (start > 2) expect(await find(1000 + 2 * start - 1)).toBe(start - 1);
    }
    for (const at of [41_000, 41_001, 180_999]) expect(await find(at)).toBe(90_000);
    expect(await find(9_999_999)).toBe(199_999);
  });

  it('is right for any transactions in any files', async () => {
    let state = 7;
    const random = (below: number) => (state = (state * 48271) % 2147483647) % below;
    for (let run = 0; run < 5; run++) {
      let at = 100;
      const history = Array.from({ length: 12 }, () => ({ changes: 1 + random(5), at: (at += 1 + random(3)) }));
      const all = rowsOf(history);
      const ends: { position: number; effectiveAt: bigint }[] = [];
      for (const row of all)
        if (all[row.position]?.tx !== row.tx) ends.push({ position: row.position, effectiveAt: BigInt(row.at) });
      const other = new Timeline(folder);
      for (let from = 0; from < all.length;) {
        const size = 1 + random(7);
        other.add([await fileOf(all.slice(from, from + size))]);
        from += size;
      }
      const last = ends.at(-1)!;
      const found = [];
      for (let asked = 0; asked <= all.length; asked += 2) found.push(await other.atPosition(asked, last, duckdb));
      for (let asked = 99; asked <= at; asked++) found.push(await other.atTime(BigInt(asked), last, duckdb));
      const wanted = [];
      for (let asked = 0; asked <= all.length; asked += 2)
        wanted.push(ends.findLast(({ position }) => position <= asked) ?? null);
      for (let asked = 99; asked <= at; asked++)
        wanted.push(ends.findLast(({ effectiveAt }) => effectiveAt <= asked) ?? null);
      expect(found).toEqual(wanted);
    }
  });
});
