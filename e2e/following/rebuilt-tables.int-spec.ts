/** What readers answer while and after a rebuild swaps the versions under them. */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBInstance } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import { openDuckDb } from '#libs/lake';
import { ledger, snapshotOf, temporaryFolder, transaction, type ChangeOf } from '#libs/test-lake';
import { Projection } from '../../apps/projector/src/projection.js';
import { follow, type Following } from './projected-lake.js';

const root = temporaryFolder('rebuilt');
let duckdb: DuckDBInstance;
beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
});

let count = 0;
let lake: string;
let projection: Projection;
let followings: Following[];
beforeEach(async () => {
  lake = join(root, String(++count));
  followings = [];
  await open();
});
afterEach(async () => {
  await Promise.all(followings.map(({ follower }) => follower.stop()));
  await projection.close();
});

const ignore = () => {};

async function open(): Promise<void> {
  const options = { lake, catalog: ledger, spoolFolder: join(lake, 'spool'), foldChanges: 1e6, foldAge: 2 ** 30 };
  const events = {
    appended: ignore,
    folded: ignore,
    foldFailed: ignore,
    upkeepFailed: ignore,
    suspiciousClock: ignore,
  };
  projection = await Projection.open(duckdb, options, { ...events, failed: ignore });
}

function begin(): Following {
  const following = follow(lake);
  followings.push(following);
  return following;
}

const account = (id: string, balance: string): ChangeOf => ({
  ...{ table: 'accounts', key: JSON.stringify([id]), op: 'u' },
  after: { id, balance },
});

async function append(commitLsn: number, ...changes: ChangeOf[]): Promise<number> {
  await projection.accept(transaction(commitLsn, changes));
  await projection.appender.settled();
  return projection.appender.lastPosition;
}

const never = new AbortController().signal;
const rebuild = () => projection.rebuilds.rebuild('accounts', ignore, never);

const [accounts] = ledger.tables;

const read = ({ reader }: Following, table: Table, ...columns: string[]) =>
  reader.read(async (session) => {
    const rows = await session.rows(
      `SELECT ${columns.join(', ')} FROM ${session.versions(table)} ORDER BY account_key`,
    );
    return rows.map((row) => columns.map((name) => row[name]));
  });

describe('after a rebuild', () => {
  it('by an equal catalog a reader answers as before, quarantine included', async () => {
    await projection.accept(snapshotOf(100, [account('A', '1'), account('B', 'none')]));
    const position = await append(200, account('A', '2'));
    await projection.folding.foldNow();
    const following = begin();
    await following.reader.waitForPosition(position, 5000);
    const answers = async () => ({
      versions: await read(following, accounts!, 'account_key', 'id', 'balance', 'closed_tx'),
      quarantined: await following.reader.read((session) => session.quarantined(accounts!, ['B'], position)),
      sound: await following.reader.read((session) => session.quarantined(accounts!, ['A'], position)),
    });
    const before = await answers();
    expect(before).toMatchObject({
      versions: [
        [3n, 'A', 1, 5n],
        [5n, 'A', 2, null],
      ],
      quarantined: true,
      sound: false,
    });
    await rebuild();
    await projection.rebuilds.tidy();
    for (let look = 0; look < 20; look++) expect(await answers()).toEqual(before);
    const next = await append(300, account('B', '3'));
    await following.reader.waitForPosition(next, 5000);
    expect(await answers()).toEqual({
      ...{ quarantined: true, sound: false },
      versions: [
        [3n, 'A', 1, 5n],
        [5n, 'A', 2, null],
        [6n, 'B', 3, null],
      ],
    });
    expect(following.failures).toEqual([]);
  });
});
