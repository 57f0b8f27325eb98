/**
 * Whether the lake holds what the source's record says, each change once and each version as the laws have it; and whether
 * what a reader saw meanwhile were ends of transactions.
 */
import { isDeepStrictEqual } from 'node:util';
import { capturedTables, type Catalog, type Table } from '#libs/catalog';
import { compareCuts, type SeenCut } from './cuts.js';
import { expectedVersions, type ExpectedVersion, type Placed } from './expected-versions.js';
import type { LakeContents, LakeTransaction, LakeUnknown, LakeVersion } from './lake-contents.js';
import type { Origin } from './origin.js';
import { apply, emptyState, type Recorded, type RecordedChange, type State } from './record.js';
import type { World } from './worlds/world.js';

export interface Verdict {
  /** Transactions of the source that are not in the lake, and those that are in it twice. */
  readonly lost: number;
  readonly doubled: number;
  /** Versions of one key that overlap. */
  readonly overlapping: number;
  /** Cuts that a reader saw and that are no transaction's end. */
  readonly torn: number;
  /** Whatever else differs, in sentences; and examples of the above. */
  readonly wrong: readonly string[];
  readonly transactions: number;
  readonly versions: number;
  readonly cuts: number;
  /** As of older positions than the reader's own. */
  readonly pastCuts: number;
}

export interface Cuts {
  readonly seen: readonly SeenCut[];
  readonly past: readonly SeenCut[];
}

export interface Judged {
  readonly world: World;
  /** The one that made the lake's tables at last. */
  readonly catalog: Catalog;
}

/** Everything must be folded, and nothing may be written meanwhile. */
export async function verdictOn(
  lake: LakeContents,
  record: readonly Recorded[],
  { seen, past }: Cuts,
  { world, catalog }: Judged,
): Promise<Verdict> {
  const wrong: string[] = [];
  const positions = await lake.positions();
  const gap = positions.findIndex((position, i) => position !== i + 1);
  if (gap >= 0) wrong.push(`position ${positions[gap]} stands where ${gap + 1} is expected`);
  const transactions = await lake.transactions();
  const { lost, doubled } = compareTransactions(transactions, record, { catalog, wrong });
  const numbers = new Map(transactions.map((transaction) => [transaction.last, numberOf(transaction)]));
  const torn = compareCuts([...seen, ...past], numbers, record, { world, wrong });
  const expected = expectedVersions(catalog, transactions.map(placed));
  let [overlapping, versions] = [0, 0];
  for (const table of catalog.tables) {
    const stored = await lake.versions(table);
    [overlapping, versions] = [overlapping + overlaps(stored), versions + stored.length];
    if ((await lake.foldPosition(table)) !== positions.length) wrong.push(`${table.table} is not folded to its end`);
    wrong.push(...compareVersions(table, stored, await lake.unknown(table), expected, transactions));
  }
  const counts = { transactions: record.length, versions, cuts: seen.length, pastCuts: past.length };
  return { lost, doubled, overlapping, torn, wrong, ...counts };
}

const placed = ({ first, last, txId, changes }: LakeTransaction): Placed => ({
  ...{ first, last, isSnapshot: txId === '0' },
  changes: changes.map((change) => ({ ...change, op: change.op as RecordedChange['op'] })),
});

/** The transaction's number: its own, or that of the state which a snapshot shows. */
const numberOf = ({ changes }: LakeTransaction): number =>
  Number(changes.findLast(({ table, after }) => table === 'counters' && after)?.after!['n']);

/** Between two transactions of the stream nothing may be missing; a snapshot stands for all before it. */
function compareTransactions(
  transactions: readonly LakeTransaction[],
  record: readonly Recorded[],
  { catalog, wrong }: { readonly catalog: Catalog; readonly wrong: string[] },
) {
  let [last, lost, doubled] = [-1, 0, 0];
  for (const transaction of transactions) {
    const n = numberOf(transaction);
    const opens = transaction.txId === '0';
    if (!opens && n <= last) doubled++;
    if (!opens && n > last + 1) lost += n - last - 1;
    if (opens && n < last) wrong.push(`a snapshot shows transaction ${n}, after ${last}`);
    const told = opens ? snapshotOf(n, record, catalog) : record.find((recorded) => recorded.n === n);
    if (!told || !same(transaction, told, opens))
      wrong.push(...otherChanges(`transaction ${n} (${transaction.txId})`, transaction, told));
    last = Math.max(last, n);
  }
  lost += record.at(-1)!.n - last;
  const unordered = transactions.findIndex(
    ({ effectiveAt }, i) => i > 0 && effectiveAt <= transactions[i - 1]!.effectiveAt,
  );
  if (unordered >= 0) wrong.push(`effective_at falls at position ${transactions[unordered]!.first}`);
  return { lost, doubled };
}

function same(transaction: LakeTransaction, { txId, changes }: Omit<Recorded, 'n'>, opens: boolean): boolean {
  const told = changes.map(plain);
  const found = transaction.changes.map(plain);
  return transaction.txId === txId && isDeepStrictEqual(opens ? found.sort() : found, opens ? told.sort() : told);
}

function otherChanges(of: string, transaction: LakeTransaction, told: Omit<Recorded, 'n'> | undefined): string[] {
  const differs = difference(`changes of ${of}`, transaction.changes.map(plain), (told?.changes ?? []).map(plain));
  return differs.length > 0 ? differs : [`${of} has another id, or its changes in another order`];
}

const plain = ({ table, op, key, after }: LakeTransaction['changes'][number]): string =>
  JSON.stringify([table, op, key, after && Object.entries(after).sort(([a], [b]) => (a < b ? -1 : 1))]);

function snapshotOf(n: number, record: readonly Recorded[], catalog: Catalog) {
  const state = stateAt(n, record, catalog);
  const changes = [...capturedTables(catalog).keys()].flatMap((table) => [
    { table, op: 't' as const, key: null, after: null },
    ...[...state.get(table)!].map(([key, after]) => ({ table, op: 'r' as unknown as 'c', key, after })),
  ]);
  return { txId: '0', changes };
}

function stateAt(n: number, record: readonly Recorded[], catalog: Catalog): State {
  const state = emptyState(catalog);
  for (const recorded of record) if (recorded.n <= n) apply(state, recorded.changes);
  return state;
}

function overlaps(versions: readonly LakeVersion[]): number {
  const byKey = Map.groupBy(versions, ({ key }) => key);
  return [...byKey.values()].reduce((sum, ofKey) => {
    const ordered = ofKey.toSorted((a, b) => a.opened - b.opened || a.surrogate - b.surrogate);
    return sum + ordered.filter((next, i) => i > 0 && (ordered[i - 1]!.closed ?? Infinity) > next.opened).length;
  }, 0);
}

function compareVersions(
  { table }: Table,
  stored: readonly LakeVersion[],
  unknown: readonly LakeUnknown[],
  expected: readonly ExpectedVersion[],
  transactions: readonly LakeTransaction[],
): string[] {
  const times = new Map(transactions.map(({ first, effectiveAt }) => [first, effectiveAt]));
  const line = ({ key, surrogate, opened, closed, state }: LakeUnknown) =>
    JSON.stringify([key, surrogate, opened, closed, state]);
  const made = ({ origin: { actor, command }, ...version }: LakeUnknown & { readonly origin: Origin }) =>
    `${line(version)} by ${actor} with ${command}`;
  const ofTable = expected.filter((version) => version.table === table);
  const times_ = stored.filter(
    ({ opened, closed, validFrom, validTo, current }) =>
      validFrom !== times.get(opened) ||
      validTo !== (closed === null ? null : times.get(closed)) ||
      current !== (closed === null),
  );
  return [
    ...difference(`versions of ${table}`, stored.map(made), ofTable.filter((version) => !version.unknown).map(made)),
    ...difference(`quarantine of ${table}`, unknown.map(line), ofTable.filter((version) => version.unknown).map(line)),
    ...times_.slice(0, 3).map((version) => `${table} has a version with wrong times: ${line(version)}`),
  ];
}

/** As sets with repeats. */
function difference(of: string, found: readonly string[], wanted: readonly string[]): string[] {
  const [left, right] = [found.toSorted(), wanted.toSorted()];
  if (isDeepStrictEqual(left, right)) return [];
  const only = (these: readonly string[], those: readonly string[]) => {
    const others = new Set(those);
    return these.filter((each) => !others.has(each)).slice(0, 3);
  };
  return [
    `${of}: ${found.length} found, ${wanted.length} expected; only found ${only(left, right).join(' ')}, only expected ${only(right, left).join(' ')}`,
  ];
}
