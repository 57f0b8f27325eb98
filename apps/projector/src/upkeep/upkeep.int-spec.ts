import { readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { DeltaTable, loadSnapshot } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { lakeRows, temporaryFolder, TestChangelog } from '#libs/test-lake';
import { changelogLayout } from './changelog-layout.js';
import type { Cadence, KeptTable } from './table-upkeep.js';
import { Upkeep } from './upkeep.js';

const root = temporaryFolder('upkeep');
const [second, minute, hour] = [1000, 60_000, 3_600_000];

let duckdb: DuckDBConnection;
beforeAll(async () => {
  duckdb = await (await openDuckDb({ threads: 1 })).connect();
});
afterAll(() => duckdb.closeSync());

let log: TestChangelog;
let failures: Error[];
let running: Upkeep[];
/** Milliseconds since 1970: begins now, since files are as old as they are. */
let now: number;
beforeEach(async () => {
  [failures, running, now] = [[], [], Date.now()];
  log = await TestChangelog.create(root, duckdb);
});
afterEach(async () => {
  for (const upkeep of running) await upkeep.stop();
});

const usual = { commits: 1000, checkpoints: 5 * minute, merges: 10 * minute, cleanings: 30 * minute, pause: minute };

/** Looks only when it is told to. */
function upkeepOf(tables: KeptTable[], cadence: Partial<Cadence> = {}): Upkeep {
  const options = { cadence: { ...usual, ...cadence }, temporaryFolder: root, look: 1e9, now: () => now };
  const upkeep = new Upkeep(tables, duckdb, { ...options, failed: (error) => void failures.push(error) });
  running.push(upkeep);
  return upkeep;
}

async function after(milliseconds: number, upkeep: Upkeep): Promise<void> {
  now += milliseconds;
  await upkeep.keep();
}

async function append(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await log.append(1);
}

const logOf = ({ folder } = log.table) => readdirSync(join(folder, '_delta_log')).sort();
const checkpoints = (of = log.table) =>
  logOf(of)
    .filter((name) => name.endsWith('.checkpoint.parquet'))
    .map(Number.parseFloat);
const entries = (of = log.table) =>
  logOf(of)
    .filter((name) => name.endsWith('.json'))
    .map(Number.parseFloat);
const filesOf = ({ folder }: Pick<DeltaTable, 'folder'> = log.table) =>
  readdirSync(folder).filter((name) => name !== '_delta_log');

describe('upkeep', () => {
  it('writes a checkpoint after so many commits, and not before', async () => {
    const upkeep = upkeepOf([{ table: log.table }], { commits: 3 });
    await append(2);
    await upkeep.keep();
    expect(checkpoints()).toEqual([]);
    await append(1);
    await upkeep.keep();
    expect(checkpoints()).toEqual([3]);
    await append(2);
    await upkeep.keep();
    expect(checkpoints()).toEqual([3]);
    const again = await DeltaTable.open(log.table.folder, duckdb);
    expect(again.snapshot.transactions.get('position')).toBe(5);
  });

  it('writes one when it is time and anything was committed, also counted from before a restart', async () => {
    const upkeep = upkeepOf([{ table: log.table }]);
    await append(1);
    await after(5 * minute - 1, upkeep);
    expect(checkpoints()).toEqual([]);
    await after(1, upkeep);
    expect(checkpoints()).toEqual([1]);
    const next = upkeepOf([{ table: log.table }], { commits: 1 });
    await after(10 * minute, next);
    expect(checkpoints()).toEqual([1]);
    await append(1);
    await next.keep();
    expect(checkpoints()).toEqual([1, 2]);
  });

  it('changes nothing while nothing changes, but deletes what has come to its age', async () => {
    const layout = changelogLayout({ files: 5, fileSize: 64 << 20, folded: () => Infinity });
    const upkeep = upkeepOf([{ table: log.table, layout }]);
    await append(5);
    writeFileSync(join(log.table.folder, 'orphan.parquet'), ''); // as a crash leaves it before its commit
    await after(10 * minute, upkeep);
    const settled = { version: 6, entries: [0, 1, 2, 3, 4, 5, 6], checkpoints: [6], files: 7 };
    const state = () => ({
      version: log.table.snapshot.version,
      ...{ entries: entries(), checkpoints: checkpoints(), files: filesOf().length },
    });
    expect(state()).toEqual(settled);
    for (let i = 0; i < 11; i++) await after(10 * minute, upkeep);
    expect(state()).toEqual(settled);
    await after(30 * minute, upkeep);
    expect(state()).toEqual({ ...settled, files: 2 });
    for (let i = 0; i < 24; i++) await after(hour, upkeep);
    expect(state()).toEqual({ version: 6, entries: [6], checkpoints: [6], files: 1 });
    expect(await lakeRows(log.table.folder, duckdb, 'position')).toHaveLength(5);
    expect(failures).toEqual([]);
  });

  it('of one table that fails does not keep the others from theirs, and is tried again after a pause', async () => {
    const broken = (await TestChangelog.create(root, duckdb)).table;
    const folder = join(broken.folder, '_delta_log');
    await broken.commit([{ txn: { appId: 'position', version: 1 } }]);
    await append(1);
    renameSync(folder, `${folder}.away`);
    const upkeep = upkeepOf([{ table: broken }, { table: log.table }], { commits: 1 });
    await upkeep.keep();
    expect([checkpoints().length, failures.length]).toEqual([1, 1]);
    await after(minute - 1, upkeep);
    expect(failures).toHaveLength(1);
    await after(1, upkeep);
    expect(failures).toHaveLength(2);
    rmSync(folder, { recursive: true, force: true });
    renameSync(`${folder}.away`, folder);
    await after(minute, upkeep);
    expect([checkpoints(broken), failures.length]).toEqual([[1], 2]);
  });

  it('goes on in its time when the clock was ahead for a while', async () => {
    const layout = changelogLayout({ files: 5, fileSize: 64 << 20, folded: () => Infinity });
    const upkeep = upkeepOf([{ table: log.table, layout }]);
    await append(5);
    await after(400 * 24 * hour, upkeep);
    now -= 400 * 24 * hour;
    await append(5);
    const { version } = log.table.snapshot;
    await after(10 * minute, upkeep);
    expect([checkpoints().at(-1), log.table.snapshot.version]).toEqual([version + 1, version + 1]);
    writeFileSync(join(log.table.folder, 'orphan.parquet'), '');
    utimesSync(join(log.table.folder, 'orphan.parquet'), 0, 0);
    await after(30 * minute, upkeep);
    expect(filesOf()).not.toContain('orphan.parquet');
    expect(failures).toEqual([]);
  });

  it('whose clock was ahead when it failed does not wait until then', async () => {
    const folder = join(log.table.folder, '_delta_log');
    const upkeep = upkeepOf([{ table: log.table }], { commits: 1 });
    await append(1);
    renameSync(folder, `${folder}.away`);
    await after(400 * 24 * hour, upkeep);
    expect(failures).toHaveLength(1);
    rmSync(folder, { recursive: true, force: true });
    renameSync(`${folder}.away`, folder);
    await after(-400 * 24 * hour, upkeep);
    expect([checkpoints(), failures.length]).toEqual([[1], 1]);
  });

  it('writes checkpoints and deletes what is old though its merges fail, and tells that they do', async () => {
    const layout = changelogLayout({ files: 2, fileSize: 64 << 20, folded: () => Infinity });
    const upkeep = upkeepOf([{ table: log.table, layout }], { commits: 1, cleanings: 0 });
    await append(5);
    const [first] = log.table.snapshot.files.keys();
    writeFileSync(join(log.table.folder, first!), 'no Parquet at all');
    writeFileSync(join(log.table.folder, 'orphan.parquet'), '');
    utimesSync(join(log.table.folder, 'orphan.parquet'), 0, 0);
    await after(minute, upkeep);
    expect(failures.map(({ message }) => message)).toEqual([expect.stringContaining(first!)]);
    expect([checkpoints(), filesOf().includes('orphan.parquet')]).toEqual([[5], false]);
  });

  it('deletes nothing of a lake that another projector has claimed, and tells so', async () => {
    const kept = (await TestChangelog.create(root, duckdb)).table;
    const upkeep = upkeepOf([{ table: kept, claimedBy: log.table }], { cleanings: 0 });
    writeFileSync(join(kept.folder, 'theirs.parquet'), ''); // written and not yet committed; then the clock jumps
    await (await DeltaTable.open(log.table.folder, duckdb)).commit([], 'CLAIM');
    await after(48 * hour, upkeep);
    expect(filesOf(kept)).toEqual(['theirs.parquet']);
    expect(failures).toEqual([expect.objectContaining({ code: 'fenced' })]);
  });

  it('ends whole: nothing is under way, and nothing begins', async () => {
    const upkeep = upkeepOf([{ table: log.table }, { table: (await TestChangelog.create(root, duckdb)).table }], {
      commits: 1,
    });
    await append(1);
    const keeping = upkeep.keep();
    await upkeep.stop();
    const names = logOf();
    expect(names.filter((name) => name.endsWith('.draft'))).toEqual([]);
    await keeping;
    await append(1);
    await upkeep.keep();
    expect(logOf()).toHaveLength(names.length + 1);
    expect(failures).toEqual([]);
  });

  it('looks by itself, and does not begin again before it has ended', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let looks = 0;
    const layout = {
      ...changelogLayout({ files: 1, fileSize: 1, folded: () => 0 }),
      outgrown: () => {
        if (++looks === 3) resolve();
        return [];
      },
    };
    const options = { cadence: usual, temporaryFolder: root, look: 1, failed: (error: Error) => failures.push(error) };
    const upkeep = new Upkeep([{ table: log.table, layout }], duckdb, options);
    running.push(upkeep);
    await promise;
    expect(upkeep.keep()).toBe(upkeep.keep());
  });

  /** A 60th of the commits, and of the numbers that make something due; a fold a minute. */
  it('keeps a lake of ten commits a second fit over an hour, and every position in it once', async () => {
    const [commits, pace] = [600, 6 * second];
    let folded = 0;
    const layout = changelogLayout({ files: 17, fileSize: 64 << 20, folded: () => folded });
    const upkeep = upkeepOf([{ table: log.table, layout }], { commits: 17 });
    let [mostFiles, mostEntriesAfterCheckpoint] = [0, 0];
    for (let i = 1; i <= commits; i++) {
      await log.append(1 + (i % 3));
      if (i % 10 === 0) folded = log.position;
      await after(pace, upkeep);
      mostFiles = Math.max(mostFiles, log.table.snapshot.files.size);
      mostEntriesAfterCheckpoint = Math.max(
        mostEntriesAfterCheckpoint,
        log.table.snapshot.version - (checkpoints().at(-1) ?? 0),
      );
    }
    const { version, files } = (await loadSnapshot(log.table.folder, duckdb))!;
    const merges = version - commits;
    const written = filesOf().length - commits;
    expect(failures).toEqual([]);
    expect(mostFiles).toBeLessThan(17 + 10 + 12); // what makes a merge due, what waits for the fold, what was merged
    expect(mostEntriesAfterCheckpoint).toBeLessThan(17);
    expect(merges).toBeLessThan(commits / 10);
    expect(written).toBe(merges);
    expect(entries()).toHaveLength(version + 1);
    const rows = await lakeRows(log.table.folder, duckdb, 'position, epoch_us(effective_at) - tx_position AS exactly');
    expect(rows.map(({ position }) => Number(position))).toEqual(
      Array.from({ length: log.position }, (_, index) => index + 1),
    );
    expect(new Set(rows.map(({ exactly }) => Number(exactly)))).toEqual(new Set([5_000_000]));
    for (let i = 0; i < 6; i++) await after(30 * minute, upkeep);
    expect(filesOf()).toHaveLength(log.table.snapshot.files.size);
    expect(log.table.snapshot.version - version).toBeLessThan(3); // the last of it, merged when it was time
    for (let i = 0; i < 24; i++) await after(hour, upkeep);
    expect(entries().length).toBeLessThan(3);
    expect(await lakeRows(log.table.folder, duckdb, 'position')).toHaveLength(log.position);
    expect(files.size).toBeLessThan(50);
  }, 60_000);
});
