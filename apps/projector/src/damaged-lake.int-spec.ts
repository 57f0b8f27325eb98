/** A lake of which a part was lost, restored from another time, or changed by another program. */
import { copyFileSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { DeltaTable, type AddFile } from '#libs/delta-log';
import { openDuckDb } from '#libs/lake';
import { account, lakeRows, ledger, snapshotOf, temporaryFolder, transaction, type ChangeOf } from '#libs/test-lake';
import { Projection } from './projection.js';

const root = temporaryFolder('damaged-lake');
let duckdb: DuckDBInstance;
let reading: DuckDBConnection;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  reading = await duckdb.connect();
});

let [count, lake] = [0, ''];
const opened: Projection[] = [];
const ignore = () => {};
async function open(): Promise<Projection> {
  const projection = await Projection.open(
    duckdb,
    { lake, catalog: ledger, spoolFolder: join(lake, 'spool'), foldChanges: 1e9, foldAge: 1e9 },
    {
      appended: ignore,
      folded: ignore,
      foldFailed: ignore,
      upkeepFailed: ignore,
      suspiciousClock: ignore,
      failed: ignore,
    },
  );
  opened.push(projection);
  return projection;
}
const close = async () => {
  for (const projection of opened.splice(0)) await projection.close();
};
afterEach(close);

/** Of every table some rows, all of them folded: 6 positions. */
beforeEach(async () => {
  lake = join(root, String(++count));
  const projection = await open();
  await projection.accept(snapshotOf(100, [account('A', '1', 'r'), account('B', 'no number', 'r'), note('N', 'r')]));
  await projection.accept(transaction(200, [account('A', '2')]));
  await projection.appender.settled();
  await projection.folding.foldNow();
  await close();
});

const note = (id: string, op: 'c' | 'r' = 'c'): ChangeOf => ({
  ...{ table: 'notes', key: JSON.stringify([id]), op },
  after: { id, body: 'x' },
});

const of = (name: string) => join(lake, name);
const lose = (name: string) => rmSync(of(name), { recursive: true });
const balances = async () =>
  (await lakeRows(of('accounts_dimension'), reading, 'id, balance, opened_tx::INTEGER AS opened'))
    .map((row) => Object.values(row))
    .sort();
const everyBalance = [
  ['A', 1, 1],
  ['A', 2, 6],
];

/** The same rows once more, as another program would put them there. */
async function append(name: string): Promise<string> {
  const table = await DeltaTable.open(of(name), reading);
  const [file] = table.snapshot.files.values() as Iterable<AddFile>;
  const path = `part-00000-${file!.path.split('/').at(-1)!.replace('.parquet', '-c000.zstd.parquet')}`;
  copyFileSync(join(of(name), file!.path), join(of(name), path));
  await table.commit([{ add: { ...file!, path, tags: {} } }]);
  return path;
}

const damaged = (table: string, message: RegExp) =>
  expect.objectContaining({ code: 'lake-damaged', table, message: expect.stringMatching(message) });

describe('a lake', () => {
  it('whose changelog is lost is not begun anew beside versions of it', async () => {
    lose('changelog');
    await expect(open()).rejects.toThrow(damaged('changelog', /ends at position 0.*accounts.*folded up to 6/));
    await expect(open()).rejects.toThrow(damaged('changelog', /Restore/)); // what the first try made is no changelog either
  });

  it('whose changelog is older than its versions is refused', async () => {
    cpSync(of('changelog'), of('older'), { recursive: true });
    const projection = await open();
    await projection.accept(transaction(300, [account('A', '3')]));
    await projection.appender.settled();
    await projection.folding.foldNow();
    await close();
    lose('changelog');
    cpSync(of('older'), of('changelog'), { recursive: true });
    await expect(open()).rejects.toThrow(damaged('changelog', /ends at position 6.*folded up to 7/));
  });

  it('whose quarantine is lost is not opened with an empty one: what it held would be forgotten', async () => {
    lose('quarantine');
    await expect(open()).rejects.toThrow(damaged('quarantine', /Restore.*or move/));
    await expect(open()).rejects.toThrow(damaged('quarantine', /Restore/));
    for (const name of ['accounts_dimension', 'notes_dimension']) lose(name);
    const projection = await open();
    await projection.folding.foldNow();
    expect(await balances()).toEqual(everyBalance);
    const rows = await lakeRows(of('quarantine'), reading, 'key');
    expect(rows).toEqual([{ key: '["B"]' }]);
  });

  it('gets a table of versions back that is lost', async () => {
    lose('accounts_dimension');
    const projection = await open();
    await projection.folding.foldNow();
    expect(await balances()).toEqual(everyBalance);
  });
});

describe('a file of another program', () => {
  it('in the changelog keeps the lake from being opened', async () => {
    const path = await append('changelog');
    await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'foreign-file', table: 'changelog', path }));
  });

  it.each(['accounts_dimension', 'quarantine'])('in %s stops that fold by name, until a rebuild', async (name) => {
    const path = await append(name);
    const projection = await open();
    await projection.accept(transaction(300, [account('A', '3'), note('M')]));
    await projection.appender.settled();
    const failed = projection.folding.foldNow();
    await expect(failed).rejects.toMatchObject({
      code: 'fold-failed',
      cause: { code: 'foreign-file', table: name, path },
    });
    expect(projection.folding.failure).toMatchObject({ table: 'accounts' });
    await projection.rebuilds.rebuild('accounts', ignore, new AbortController().signal);
    expect(await balances()).toEqual([
      ['A', 1, 1],
      ['A', 2, 6],
      ['A', 3, 7],
    ]);
  });
});
