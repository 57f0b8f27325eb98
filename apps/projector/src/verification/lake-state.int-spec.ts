/** What the files say at a position, against a plain replay: at every position, however far the table is folded. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { openDuckDb, rowsOf } from '#libs/lake';
import { account, ledger, snapshotOf, temporaryFolder, transaction, truncated, type ChangeOf } from '#libs/test-lake';
import { Projection } from '../projection.js';
import { lakeStateAt } from './lake-state.js';
import { Workspace } from './workspace.js';

const root = temporaryFolder('lake-state');
const [accounts] = ledger.tables;
let duckdb: DuckDBInstance;
let workspace: Workspace;
let projection: Projection;
let [count, lake] = [0, ''];

beforeAll(async () => {
  duckdb = await openDuckDb({ threads: 1 });
  workspace = await Workspace.open(join(root, 'workspace'));
});
afterAll(async () => {
  await workspace.close();
  duckdb.closeSync();
});

const ignore = () => {};
beforeEach(async () => {
  lake = join(root, String(++count));
  const options = { lake, catalog: ledger, spoolFolder: join(lake, 'spool'), foldChanges: 1_000_000, foldAge: 600_000 };
  projection = await Projection.open(duckdb, options, {
    ...{ appended: ignore, folded: ignore, foldFailed: ignore, upkeepFailed: ignore, suspiciousClock: ignore },
    failed: ignore,
  });
});
afterEach(() => projection.close());

/** id → balance as the source said it; `?` where it does not type. Of each transaction's last position. */
type State = Readonly<Record<string, string>>;

const history: readonly (readonly ChangeOf[])[] = [
  [account('A', '1', 'c'), account('B', '2', 'c')],
  [account('A', '10'), account('C', 'many', 'c')],
  [account('B', null), account('D', '4', 'c'), account('D', '5')],
  [account('C', '3')],
  [account('A', '10'), account('E', 'more', 'c')],
  [truncated('accounts'), account('A', '11', 'c')],
  [account('E', 'most', 'c'), account('B', '20', 'c')],
  [account('E', null), account('A', 'much')],
];

/** By hand: a snapshot of nothing is the first transaction, of two truncates. */
const states: readonly (readonly [position: number, State])[] = [
  [2, {}],
  [4, { A: '1', B: '2' }],
  [6, { A: '10', B: '2', C: '?many' }],
  [9, { A: '10', C: '?many', D: '5' }],
  [10, { A: '10', C: '3', D: '5' }],
  [12, { A: '10', C: '3', D: '5', E: '?more' }],
  [14, { A: '11' }],
  [16, { A: '11', B: '20', E: '?most' }],
  [18, { A: '?much', B: '20' }],
];

async function stateAt(position: number, connection: DuckDBConnection = workspace.duckdb): Promise<State> {
  const { query } = await lakeStateAt(lake, accounts!, position, connection);
  const rows = await rowsOf(connection, `SELECT quarantined, c0 AS id, c1 AS balance FROM (${query}) ORDER BY id`);
  return Object.fromEntries(rows.map(({ quarantined, id, balance }) => [id, `${quarantined ? '?' : ''}${balance}`]));
}

async function append(from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) await projection.accept(transaction(200 + i * 10, history[i]!));
  await projection.appender.settled();
}

describe('the state of a table at each position', () => {
  it.each([0, 2, 5, 7])('is that of a replay when %d transactions are folded', async (folded) => {
    await projection.accept(snapshotOf(100, []));
    await append(0, folded);
    await projection.folding.foldNow();
    await append(folded, history.length);
    for (const [position, state] of states)
      expect({ position, ...(await stateAt(position)) }).toEqual({ position, ...state });
  });

  it('is that of a replay after every transaction was folded by itself', async () => {
    await projection.accept(snapshotOf(100, []));
    for (let i = 0; i < history.length; i++) {
      await append(i, i + 1);
      await projection.folding.foldNow();
    }
    for (const [position, state] of states)
      expect({ position, ...(await stateAt(position)) }).toEqual({ position, ...state });
  });
});
