import { mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { open as openFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { Fenced } from '#libs/delta-log';
import { changelog, openDuckDb, readWatermark } from '#libs/lake';
import { account, epochOf, lakeRows, ledger, snapshotOf, temporaryFolder, transaction } from '#libs/test-lake';
import { Projection } from './projection.js';
import type { ProjectionEvents } from './projection-events.js';

const root = temporaryFolder('projection');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});

let [count, lake] = [0, ''];
let failures: Error[];
beforeEach(() => {
  lake = join(root, String(++count));
  failures = [];
});

/** What a test that failed left open. */
const opened: Projection[] = [];
afterEach(async () => {
  for (const projection of opened.splice(0)) await projection.close();
});

const ignore = () => {};
async function open(events: Partial<ProjectionEvents> = {}): Promise<Projection> {
  const projection = await Projection.open(
    duckdb,
    { lake, catalog: ledger, spoolFolder: join(lake, 'spool'), foldChanges: 1_000_000, foldAge: 600_000 },
    {
      ...{ appended: ignore, folded: ignore, foldFailed: ignore, upkeepFailed: ignore, suspiciousClock: ignore },
      ...{ failed: (error) => failures.push(error), ...events },
    },
  );
  opened.push(projection);
  return projection;
}

/** Every file of the lake: name and, where it is text, content. */
function filesOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = names.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(paths.map((path) => [path, path.endsWith('.parquet') ? '' : readFileSync(path, 'utf8')]));
}

const accountsOf = (select: string) => lakeRows(join(lake, 'accounts_dimension'), reading, select);
const lsns = async () =>
  (await lakeRows(join(lake, changelog.name), reading, 'position, commit_lsn::INTEGER AS lsn')).map(({ lsn }) => lsn);
const connections = async () =>
  Number((await reading.runAndReadAll('SELECT * FROM duckdb_connection_count()')).getRows()[0]![0]);

async function withSnapshot(): Promise<Projection> {
  const projection = await open();
  await projection.accept(snapshotOf(100, [account('A', '1', 'r'), account('B', '2', 'r')]));
  await projection.appender.settled();
  while (projection.folding.folded < 4) await turn();
  return projection;
}

describe('a projection', () => {
  it('leaves nothing open, whether it ends or never began', async () => {
    const before = await connections();
    const ended = await withSnapshot();
    await ended.close();
    expect(await connections()).toBe(before);
    mkdirSync(join(lake, 'broken'), { recursive: true });
    writeFileSync(join(lake, 'broken', changelog.name), 'a file where the folder is wanted');
    const whole = lake;
    lake = join(lake, 'broken');
    await expect(open()).rejects.toThrow(/ENOTDIR|EEXIST|not a directory/);
    lake = whole;
    expect(await connections()).toBe(before);
  });

  it('compares a second snapshot with what the lake has: equal rows open nothing, missing keys close', async () => {
    const projection = await withSnapshot();
    await projection.accept(transaction(200, [account('C', '3', 'c'), account('D', '4', 'c')]));
    await projection.accept(
      snapshotOf(50, [account('A', '1', 'r'), account('B', '20', 'r'), account('C', '3', 'r')], epochOf('0/32')),
    );
    await projection.close();
    const again = await open();
    again.folding.appended({ tip: { position: again.appender.lastPosition }, snapshot: true });
    await again.close();
    const rows = await accountsOf(`account_key::INTEGER AS key, id, balance, opened_tx::INTEGER AS opened,
      closed_tx::INTEGER AS closed, epoch_us(valid_to) AS until`);
    expect(rows).toEqual([
      { key: 3, id: 'A', balance: 1, opened: 1, closed: null, until: null },
      { key: 4, id: 'B', balance: 2, opened: 1, closed: 7, until: 1_700_000_200_000_001n },
      { key: 5, id: 'C', balance: 3, opened: 5, closed: null, until: null },
      { key: 6, id: 'D', balance: 4, opened: 5, closed: 7, until: 1_700_000_200_000_001n },
      { key: 10, id: 'B', balance: 20, opened: 7, closed: null, until: null },
    ]);
  });
});

describe('a table of versions whose disk failed in the middle of a commit', () => {
  it('ends the projection, since only opening it again tells how the commit ended', async () => {
    const projection = await withSnapshot();
    const handle = await openFile(lake);
    const sync = jest.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'sync');
    sync.mockImplementation(function (this: FileHandle) {
      const failing = readlinkSync(`/proc/self/fd/${this.fd}`).endsWith('accounts_dimension/_delta_log');
      return failing ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : this.datasync();
    });
    await projection.accept(transaction(150, [account('A', '2')]));
    await projection.appender.settled();
    projection.folding.appended({ tip: { position: 5 }, snapshot: true });
    while (failures.length === 0) await turn();
    sync.mockRestore();
    await handle.close();
    expect(failures).toMatchObject([{ code: 'EIO' }]);
    await projection.close();
    const again = await open();
    again.folding.appended({ tip: { position: 5 }, snapshot: true });
    while (again.folding.folded < 5) await turn();
    expect(await accountsOf('account_key::INTEGER AS key, balance')).toEqual([
      { key: 3, balance: 1 },
      { key: 4, balance: 2 },
      { key: 5, balance: 2 },
    ]);
  });
});

describe('of two projections on one lake, the slower one', () => {
  it('is fenced when it appends, and writes nothing more, not even a fold', async () => {
    const slow = await withSnapshot();
    await slow.accept(transaction(150, [account('A', '2')]));
    await slow.appender.settled();
    const fast = await open();
    await fast.accept(transaction(200, [account('A', '3')]));
    await fast.close();
    const before = filesOf(lake);
    await slow.accept(transaction(210, [account('A', '4')]));
    await slow.appender.settled();
    slow.folding.appended({ tip: { position: 5 }, snapshot: true });
    await slow.close();
    expect(failures).toEqual([expect.any(Fenced)]);
    const written = Object.keys(filesOf(lake)).filter((path) => !(path in before));
    expect(written).toEqual([expect.stringMatching(/changelog\/[^/]*\.parquet$/)]); // of no version
    expect(await lsns()).toEqual([100, 100, 100, 100, 150, 200]);
  });

  it('is fenced when it folds, and appends nothing more', async () => {
    const slow = await withSnapshot();
    await slow.accept(transaction(150, [account('A', '2')]));
    await slow.appender.settled();
    const fast = await open();
    fast.folding.appended({ tip: { position: 5 }, snapshot: true });
    await fast.close();
    slow.folding.appended({ tip: { position: 5 }, snapshot: true });
    while (failures.length === 0) await turn();
    await slow.accept(transaction(200, [account('A', '3')])).catch(ignore);
    await slow.close();
    expect(failures[0]).toEqual(expect.any(Fenced));
    await expect(slow.accept(transaction(210, [account('A', '4')]))).rejects.toThrow(Fenced);
    expect(await lsns()).toEqual([100, 100, 100, 100, 150]);
  });

  it('publishes no watermark over that of its successor', async () => {
    const slow = await withSnapshot();
    await slow.progress({ lsn: 150, sourceTime: 1_700_000_150_000_000n });
    const fast = await open();
    await fast.accept(transaction(200, [account('A', '2')]));
    await fast.progress({ lsn: 250, sourceTime: 1_700_000_250_000_000n });
    let kept = false;
    void slow.progress({ lsn: 180, sourceTime: 1_700_000_180_000_000n }).then(() => (kept = true));
    await slow.close();
    expect({ kept, failures, file: await readWatermark(lake) }).toEqual({
      ...{ kept: false, failures: [expect.any(Fenced)] },
      file: expect.objectContaining({ lsn: 250, time: 1_700_000_250_000_000n }),
    });
    await fast.close();
  });
});
