/** The watermark against the lake that it vouches for: at every write, and after lives that ended anywhere. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { formatLsn } from '#libs/change-event';
import { createTable, DeltaTable, loadSnapshot } from '#libs/delta-log';
import { armFailpoints } from '#libs/failpoints';
import type { Watermark } from '#libs/lake';
import { account, epochOf, lakeRows, snapshotOf, temporaryFolder, transaction } from '#libs/test-lake';

const real = await import('#libs/lake');
/** What is about to be written; it may throw, and the file stays as it is. */
let beforeWrite: (watermark: Watermark) => Promise<void> = async () => {};
jest.unstable_mockModule('#libs/lake', () => ({
  ...real,
  writeWatermark: async (folder: string, watermark: Watermark, mayReplace?: () => Promise<void>) => {
    await beforeWrite(watermark);
    await real.writeWatermark(folder, watermark, mayReplace);
  },
}));
const { WatermarkKeeper } = await import('./watermark-keeper.js');
const { ChangelogAppender } = await import('../append/changelog-appender.js');
const { changelog, openDuckDb, readWatermark } = await import('#libs/lake');

const root = temporaryFolder('keeper');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});
let count = 0;
async function newLake(): Promise<string> {
  const lake = join(root, String(++count));
  await mkdir(lake);
  return lake;
}

const epoch = epochOf('0/1');
const tip = { position: 7, commitLsn: 90, effectiveAt: 1n, sourceOffset: null, epoch };
const year = 365n * 86_400_000_000n;
const now = () => BigInt(Date.now()) * 1000n;
const ignore = () => {};

describe('the keeper of the watermark', () => {
  it('keeps what was reached, and says so only when the file does', async () => {
    const lake = await newLake();
    const keeper = await WatermarkKeeper.open(lake, ignore);
    const held = Promise.withResolvers<void>();
    beforeWrite = () => held.promise;
    let kept = false;
    const reached = keeper.reached({ lsn: 100, sourceTime: 5_000_000n }, tip).then(() => (kept = true));
    for (let i = 0; i < 10; i++) await turn();
    expect({ kept, file: await readWatermark(lake) }).toEqual({ kept: false, file: null });
    held.resolve();
    await reached;
    const kind = { epoch: JSON.stringify(epoch), lsn: 100, position: 7, source_time: 5_000_000n, time: 5_000_000n };
    expect(await readWatermark(lake)).toEqual(kind);
    expect(keeper.describe()).toEqual({ lsn: formatLsn(100), position: 7, source_time: 5_000_000n, time: 5_000_000n });
  });

  it('lets its time neither fall nor run ahead, over restarts, while the source says its own', async () => {
    beforeWrite = async () => {};
    const lake = await newLake();
    const first = await WatermarkKeeper.open(lake, ignore);
    await first.reached({ lsn: 1, sourceTime: now() + year }, tip);
    const time = first.time;
    expect(time).toBeLessThanOrEqual(now() + 5_000_000n);
    const second = await WatermarkKeeper.open(lake, ignore);
    await second.reached({ lsn: 2, sourceTime: 1000n }, tip);
    expect(await readWatermark(lake)).toMatchObject({ lsn: 2, source_time: 1000n, time });
  });

  it('knows how far an epoch was complete, and nothing of another one', async () => {
    const lake = await newLake();
    const keeper = await WatermarkKeeper.open(lake, ignore);
    expect(keeper.completeLsn(tip)).toBeNull();
    await keeper.reached({ lsn: 100, sourceTime: 1n }, tip);
    const again = await WatermarkKeeper.open(lake, ignore);
    expect(again.completeLsn(tip)).toBe(100);
    expect(again.completeLsn({ ...tip, epoch: epochOf('0/1', { tables: [] }) })).toBe(100);
    expect(again.completeLsn({ ...tip, epoch: epochOf('0/2') })).toBeNull();
    expect(again.completeLsn({ ...tip, epoch: null })).toBeNull();
  });

  it('writes in the order of what it was told', async () => {
    const lake = await newLake();
    const written: number[] = [];
    beforeWrite = async ({ lsn }) => {
      for (let i = lsn; i < 5; i++) await turn();
      written.push(lsn);
    };
    const keeper = await WatermarkKeeper.open(lake, ignore);
    await Promise.all([1, 2, 3, 4].map((lsn) => keeper.reached({ lsn, sourceTime: BigInt(lsn) }, tip)));
    expect({ written, file: (await readWatermark(lake))?.lsn }).toEqual({ written: [1, 2, 3, 4], file: 4 });
  });

  it('reports a file that cannot be written, and keeps nothing from then on', async () => {
    const lake = await newLake();
    const failures: Error[] = [];
    const keeper = await WatermarkKeeper.open(lake, (error) => failures.push(error));
    beforeWrite = async () => Promise.reject(new Error('ENOSPC'));
    await expect(keeper.reached({ lsn: 1, sourceTime: 1n }, tip)).rejects.toThrow('ENOSPC');
    beforeWrite = async () => {};
    await expect(keeper.reached({ lsn: 2, sourceTime: 2n }, tip)).rejects.toThrow('ENOSPC');
    expect(await readWatermark(lake)).toBeNull();
    expect(failures[0]).toEqual(new Error('ENOSPC'));
    await keeper.settled();
  });
});

describe('a projector that was replaced while it wrote the watermark', () => {
  let lake: string;
  const lives: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    beforeWrite = async () => {};
    lake = await newLake();
    const folder = join(lake, changelog.name);
    await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, reading);
  });
  afterEach(async () => {
    armFailpoints(null);
    for (const end of lives.splice(0)) await end();
  });

  async function begin() {
    const failures: Error[] = [];
    const failed = (error: Error) => void failures.push(error);
    const connection = await duckdb.connect();
    const folder = join(lake, changelog.name);
    const watermark = await WatermarkKeeper.open(lake, failed);
    const appender = new ChangelogAppender(await DeltaTable.open(folder, connection), {
      ...{ eventTable: undefined, memoryBudget: 300, pendingBudget: 1000, spoolFolder: lake, longestRest: 0 },
      ...{ watermark, failed, appended: ignore, suspiciousClock: ignore },
    });
    lives.push(async () => (await appender.settled(), await watermark.settled(), connection.closeSync()));
    return { appender, watermark, failures };
  }
  const written = async () => (await readWatermark(lake))?.lsn;

  it('writes none over that of its successor, not even at the last moment', async () => {
    const log = join(lake, 'failpoints');
    const old = await begin();
    await old.appender.accept(snapshotOf(50, []));
    await old.appender.progress({ lsn: 60, sourceTime: 1n });
    armFailpoints('file.before-rename:_watermark.json=pause@1', log);
    void old.appender.progress({ lsn: 70, sourceTime: 2n });
    while (!existsSync(log)) await turn();
    const young = await begin();
    await young.appender.progress({ lsn: 80, sourceTime: 3n });
    await writeFile(`${log}.file.before-rename`, ''); // lets the old one go on
    await old.watermark.settled();
    expect(old.failures).toMatchObject([{ code: 'ENOENT' }]);
    expect(await written()).toBe(80);
  });

  it('is fenced by the first watermark of its successor, also where nothing is appended', async () => {
    const old = await begin();
    await old.appender.accept(snapshotOf(50, []));
    await old.appender.progress({ lsn: 60, sourceTime: 1n });
    const young = await begin();
    await young.appender.progress({ lsn: 80, sourceTime: 3n });
    void old.appender.progress({ lsn: 90, sourceTime: 4n });
    await old.appender.settled();
    await old.watermark.settled();
    expect(old.failures).toMatchObject([{ code: 'fenced' }]);
    expect(await written()).toBe(80);
    expect((await readdir(lake)).filter((name) => name.endsWith('.draft'))).toEqual([]);
  });

  it('may have written one since its successor opened the lake, which then begins anew', async () => {
    const old = await begin();
    await old.appender.accept(snapshotOf(50, []));
    await old.appender.progress({ lsn: 60, sourceTime: 1n });
    const young = await begin();
    await old.appender.progress({ lsn: 70, sourceTime: 2n });
    void young.appender.progress({ lsn: 65, sourceTime: 1n });
    await young.appender.settled();
    expect(young.failures).toMatchObject([{ code: 'watermark-replaced' }]);
    expect(await written()).toBe(70);
  });
});

/** Mulberry32: 0 ≤ x < 1. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const runs = Number(process.env.RUNS ?? 3);
const firstSeed = Number(process.env.SEED ?? 1);

describe('the watermark of a lake that is being written', () => {
  it.each(Array.from({ length: runs }, (_, i) => firstSeed + i))(
    'never runs ahead of the log, and nothing becomes effective behind it (seed %d)',
    async (seed) => {
      const random = randomOf(seed);
      const chance = (share: number) => random() < share;
      const lake = await newLake();
      const folder = join(lake, changelog.name);
      await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, reading);
      /** lsn of a progress → what had been delivered when it was said. */
      const said = new Map<number, number>();
      const published: Watermark[] = [];
      const ahead: unknown[] = [];
      beforeWrite = async (watermark) => {
        const { transactions } = (await loadSnapshot(folder, reading))!;
        const log = { position: transactions.get('position'), lsn: transactions.get('commit_lsn')! };
        // collected, since what is thrown here is a disk that fails
        if (!(watermark.position <= log.position!)) ahead.push({ watermark, log });
        if (!(log.lsn >= said.get(watermark.lsn)!)) ahead.push({ watermark, log, said: said.get(watermark.lsn) });
        if (chance(0.05)) throw new Error('the disk is full');
        published.push(watermark);
      };

      let [lsn, clock, durable] = [100, 1_700_000_050_000_000n, 0];
      const history: { lsn: number; committedAt: bigint }[] = [];
      for (let life = 0; life < 5; life++) {
        let dead = false;
        const failed = () => (dead = true);
        const connection = await duckdb.connect();
        const table = await DeltaTable.open(folder, connection);
        const commit = table.commit.bind(table);
        jest.spyOn(table, 'commit').mockImplementation(async (...args) => {
          if (chance(0.05)) throw new Error('the disk is full');
          return commit(...args);
        });
        const watermark = await WatermarkKeeper.open(lake, failed);
        const appender = new ChangelogAppender(table, {
          ...{
            eventTable: undefined,
            memoryBudget: 300,
            spoolFolder: lake,
            pendingBudget: 1000,
            longestRest: 0,
            watermark,
            failed,
          },
          ...{ appended: ({ tip }) => (durable = tip.commitLsn), suspiciousClock: ignore },
        });
        const accept = (tx: Parameters<typeof appender.accept>[0]) => appender.accept(tx).catch(ignore);
        if (!appender.lakePosition) await accept(snapshotOf(50, []));
        const from = appender.lakePosition?.commitLsn ?? 0;
        for (const again of history.filter((one) => one.lsn > from || chance(0.3)))
          await accept(transaction(again.lsn, [account('A', String(again.lsn))], again));
        for (let step = 0; step < 12 && !dead; step++) {
          clock += BigInt(Math.floor(random() * 2000));
          if (chance(0.6)) {
            const committedAt = clock - BigInt(Math.floor(random() * 5000)); // read before others that commit first
            history.push({ lsn: ++lsn, committedAt });
            const changes = Array.from({ length: 1 + Math.floor(random() * 6) }, (_, i) =>
              account(`A${i}`, String(lsn)),
            );
            await accept(transaction(lsn, changes, { committedAt, chunk: 2 }));
          } else {
            said.set(++lsn, history.at(-1)?.lsn ?? 0);
            const told = lsn;
            void appender.progress({ lsn: told, sourceTime: clock }).then(() => {
              if (published.at(-1)!.lsn < told) ahead.push({ told });
            });
          }
          if (chance(0.4)) await appender.settled();
        }
        await appender.settled();
        await watermark.settled();
        expect((await readWatermark(lake))?.lsn).toBe(published.at(-1)?.lsn);
        connection.closeSync();
      }

      expect(ahead).toEqual([]);
      beforeWrite = async () => {};
      const rows = await lakeRows(
        folder,
        reading,
        `position::INTEGER AS position, commit_lsn::INTEGER AS lsn,
        tx_position, epoch_us(effective_at) AS time`,
      );
      expect(rows.map(({ position }) => position)).toEqual(rows.map((_, i) => i + 1));
      const lsns = [...new Set(rows.map(({ lsn: one }) => one as number))];
      expect(lsns).toEqual(
        [50, ...history.map((one) => one.lsn).filter((one) => one <= durable)].slice(0, lsns.length),
      );
      expect(published.length).toBeGreaterThan(0);
      for (const { position, time } of published)
        for (const row of rows)
          if ((row.position as number) > position) expect(row.time as bigint).toBeGreaterThan(time);
      const times = published.map(({ time }) => time);
      expect(times).toEqual(times.toSorted((a, b) => (a < b ? -1 : 1)));
    },
  );
});
