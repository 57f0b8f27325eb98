/** Readers of a lake whose tables were made by another catalog entry than theirs, and while they are rebuilt. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import { checkCatalog, type Catalog, type ColumnType, type Table } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { ledger, snapshotOf, temporaryFolder, transaction, type ChangeOf } from '#libs/test-lake';
import { CatalogDrift } from '../../apps/query-api/src/follower/catalog-drift.js';
import type { ReadSession } from '../../apps/query-api/src/follower/reader.js';
import { follow, ProjectedLake, type Following } from './projected-lake.js';

const root = temporaryFolder('drift');
const [accounts, notes] = ledger.tables as [Table, Table];
const text = { label: 'x', description: 'x' };

/** The ledger with other accounts. */
const ledgerOf = (changes: Partial<Table>): Catalog =>
  checkCatalog({ ...ledger, tables: [{ ...accounts, ...changes }, notes] });
const columnsOf = (balance: ColumnType): Table['columns'] => [
  accounts.columns[0]!,
  { name: 'balance', type: balance, nullable: true, ...text },
];
const withMemo = ledgerOf({ columns: [...accounts.columns, { name: 'memo', type: 'text', nullable: true, ...text }] });

let duckdb: DuckDBInstance;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
});

let count = 0;
let lake: ProjectedLake;
let followings: Following[];
beforeEach(() => {
  lake = new ProjectedLake(join(root, String(++count)), duckdb);
  followings = [];
});
afterEach(async () => {
  for (const { follower } of followings) await follower.stop();
  await lake.close();
});

const openAs = (catalog: Catalog) => lake.open(1_000_000, {}, catalog);

async function reading(catalog: Catalog, position: number): Promise<Following> {
  const following = follow(lake.folder, { catalog });
  followings.push(following);
  expect(await following.reader.waitForPosition(position, 10_000)).toBe(true);
  return following;
}

/** An account whose memo is its balance. */
const account = (id: string, balance: string, op: 'r' | 'u' = 'u'): ChangeOf => ({
  ...{ table: 'accounts', op, key: JSON.stringify([id]) },
  after: { id, balance, memo: balance },
});
const note = (body: string): ChangeOf => ({ table: 'notes', op: 'u', key: '["N"]', after: { id: 'N', body } });
const snapshot = () => snapshotOf(100, [account('A', '1', 'r'), account('B', '2', 'r')]);

const shown = ({ reader }: Following, { tables: [table] }: Catalog) =>
  reader.read((session) =>
    session.rows(`SELECT * EXCLUDE (valid_from, valid_to) FROM ${session.versions(table!)} ORDER BY 1`),
  );
const bodies = ({ reader }: Following) =>
  reader.read(async (session) =>
    (await session.rows(`SELECT body FROM ${session.current(notes)}`)).map(({ body }) => body),
  );
const driftsOf = ({ reader }: Following) => reader.freshness().folds.map(({ drift }) => drift);

describe('a reader of another catalog than the lake is', () => {
  beforeEach(async () => {
    await openAs(ledger);
    await lake.append(snapshot());
    await lake.fold();
    await lake.append(transaction(200, [account('A', '10'), note('well')]));
  });

  const version = (key: number, id: string, balance: number, closed: number | null) => ({
    ...{ account_key: BigInt(key), id, balance, opened_tx: BigInt(key < 5 ? 1 : key), actor: null, command: null },
    ...{ closed_tx: closed === null ? null : BigInt(closed), is_current: closed === null },
  });
  const versions = [version(3, 'A', 1, 5), version(4, 'B', 2, null), version(5, 'A', 10, null)];

  it('shows a column that the lake has not got as null', async () => {
    const following = await reading(withMemo, 6);
    expect(await shown(following, withMemo)).toEqual(versions.map((one) => ({ ...one, memo: null })));
    expect(driftsOf(following)).toEqual([{ difference: expect.stringContaining('memo'), answerable: true }, null]);
  });

  it('does not show a column that it does not know', async () => {
    await lake.close();
    await openAs(withMemo);
    await lake.projection.rebuilds.rebuild('accounts', () => {}, new AbortController().signal);
    const following = await reading(ledger, 6);
    expect(await shown(following, ledger)).toEqual(versions);
    expect(driftsOf(following)).toEqual([{ difference: expect.stringContaining('memo'), answerable: true }, null]);
    await lake.append(transaction(300, [account('B', '20')]));
    expect(await following.reader.waitForPosition(7, 10_000)).toBe(true);
    expect((await shown(following, ledger)).at(-1)).toEqual(version(7, 'B', 20, null));
  });

  it('follows a column of another order, and a row of another name', async () => {
    const other = ledgerOf({ name: 'purse', columns: accounts.columns.toReversed() });
    const following = await reading(other, 6);
    const renamed = versions.map(({ account_key, ...rest }) => ({ purse_key: account_key, ...rest }));
    expect(await shown(following, other)).toEqual(renamed);
  });

  it.each([
    ['type', ledgerOf({ columns: columnsOf('bigint') }), 'balance is bigint here and integer in the lake'],
    [
      'key',
      ledgerOf({ columns: [{ ...accounts.columns[0]!, type: 'integer' }, accounts.columns[1]!] }),
      'its key is (id integer) here and (id text) in the lake',
    ],
  ])('refuses a table of another %s, and answers of all others', async (_, catalog, difference) => {
    const following = await reading(catalog, 6);
    await expect(shown(following, catalog)).rejects.toThrow(CatalogDrift);
    await expect(shown(following, catalog)).rejects.toThrow(difference);
    expect(await bodies(following)).toEqual(['well']);
    expect(driftsOf(following)).toEqual([{ difference, answerable: false }, null]);
    expect(following.reader.freshness()).toMatchObject({ ready: true, failure: null });
  });

  it('refuses a table that the lake has not got, until it has', async () => {
    const coins: Table = { ...accounts, table: 'coins', name: 'coin' };
    const more = checkCatalog({ ...ledger, tables: [coins, ...ledger.tables] });
    const following = await reading(more, 6);
    await expect(shown(following, more)).rejects.toThrow(CatalogDrift);
    expect(await bodies(following)).toEqual(['well']);
    await lake.close();
    await openAs(more);
    await lake.append(transaction(300, [{ ...account('C', '5'), table: 'coins' }]));
    expect(await following.reader.waitForPosition(7, 10_000)).toBe(true);
    expect((await shown(following, more)).map(({ id, balance }) => [id, balance])).toEqual([['C', 5]]);
  });
});

describe('a reader of a table that is rebuilt', () => {
  const total = 1000;

  /** What cannot be in one state: both accounts sum up to the total, and either all memos are those of balances or none is. */
  async function contradiction(session: ReadSession): Promise<unknown> {
    const [table] = withMemo.tables;
    const rows = await session.rows(`SELECT id, balance, memo FROM ${session.current(table!)} ORDER BY id`);
    const past = await session.rows(`SELECT id, balance, memo FROM ${session.versions(table!)}`);
    const sum = rows.reduce((all, { balance }) => all + Number(balance), 0);
    const memos = new Set(
      [...rows, ...past].map(({ balance, memo }) => (memo === null ? 'none' : String(balance) === memo)),
    );
    const unknown = await session.quarantined(table!, ['Q'], session.cut.position);
    const right = sum === total && memos.size === 1 && !memos.has(false) && unknown && rows.length === 2;
    return right ? null : { rows, past: past.length, sum, memos: [...memos], unknown, at: session.cut.position };
  }

  it('never sees a mixed cut, while changes, folds and the rebuild go on', async () => {
    const spread = (a: number) => [account('A', String(a)), account('B', String(total - a))];
    let lsn = 100;
    const append = (a: number) => lake.append(transaction((lsn += 10), spread(a)));
    await openAs(ledger);
    await lake.append(
      snapshotOf(lsn, [account('A', '0', 'r'), account('B', String(total), 'r'), account('Q', 'no number', 'r')]),
    );
    for (let a = 1; a < 20; a++) await append(a);
    await lake.fold();
    await append(20);
    const following = await reading(withMemo, lake.projection.appender.lastPosition);
    const found: unknown[] = [];
    let [asking, last, withMemos] = [true, 0, 0];
    const ask = async () => {
      while (asking && found.length === 0) {
        await following.reader.read(async (session) => {
          const wrong = await contradiction(session);
          if (wrong) found.push(wrong);
          if (session.cut.position < last) found.push({ fell: session.cut.position, from: last });
          last = session.cut.position;
          if (driftsOf(following)[0] === null) withMemos++;
        });
        await sleep(1);
      }
    };
    const asked = ask();
    await lake.close();
    await openAs(withMemo);
    await append(21);
    const rebuilt = lake.projection.rebuilds.rebuild('accounts', () => {}, new AbortController().signal);
    for (let a = 22; a < 34; a++) await append(a);
    await rebuilt;
    for (let a = 34; a < 50; a++) await append(a);
    await lake.fold();
    expect(await following.reader.waitForPosition(lake.projection.appender.lastPosition, 10_000)).toBe(true);
    for (const seen = withMemos; found.length === 0 && withMemos < seen + 3;) await sleep(5);
    asking = false;
    await asked;
    expect(found).toEqual([]);
    expect(following.failures).toEqual([]);
    expect(driftsOf(following)).toEqual([null, null]);
    expect((await shown(following, withMemo)).filter(({ closed_tx }) => closed_tx === null)).toMatchObject([
      { id: 'A', balance: 49, memo: '49' },
      { id: 'B', balance: 951, memo: '951' },
    ]);
  });
});
