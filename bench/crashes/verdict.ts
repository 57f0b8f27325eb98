/**
 * Whether the lake holds what the source's record says, each change once and each version as the laws have it; and whether
 * what a reader saw meanwhile were ends of transactions.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Table } from '#libs/catalog';
import { catalog } from './bank.js';
import { expectedVersions, typedState, type ExpectedVersion, type Placed } from './expected-versions.js';
import type { LakeContents, LakeTransaction, LakeVersion } from './lake-contents.js';
import { apply, emptyState, type Recorded, type RecordedChange, type State } from './record.js';

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

/** A cut as a reader saw it: the last position, the transactions' counter and all rows that type. */
export interface SeenCut {
  readonly position: number;
  readonly n: number;
  readonly rows: string;
}

/** Rows that type, in the order of their keys: what `SeenCut` has. */
export function visibleRows(state: State): string {
  return JSON.stringify(
    catalog.tables.map((table) => {
      const rows = [...state.get(table.table)!].map(([key, row]) => [key, typedState(table, row)]);
      return rows.filter(([, typed]) => typed !== null).sort(([a], [b]) => (a! < b! ? -1 : 1));
    }),
  );
}

/** Everything must be folded, and nothing may be written meanwhile. */
export async function verdictOn(
  lake: LakeContents,
  record: readonly Recorded[],
  { seen, past }: Cuts,
): Promise<Verdict> {
  const wrong: string[] = [];
  const positions = await lake.positions();
  const gap = positions.findIndex((position, i) => position !== i + 1);
  if (gap >= 0) wrong.push(`position ${positions[gap]} stands where ${gap + 1} is expected`);
  const transactions = await lake.transactions();
  const { lost, doubled } = compareTransactions(transactions, record, wrong);
  const torn = compareCuts([...seen, ...past], transactions, record, wrong);
  const expected = expectedVersions(transactions.map(placed));
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

const placed = ({ first, last, changes }: LakeTransaction): Placed => ({
  ...{ first, last },
  changes: changes.map((change) => ({ ...change, op: change.op as RecordedChange['op'] })),
});

/** The transaction's number: its own, or that of the state which a snapshot shows. */
const numberOf = ({ changes }: LakeTransaction): number =>
  Number(changes.findLast(({ table, after }) => table === 'counters' && after)?.after!['n']);

/** Between two transactions of the stream nothing may be missing; a snapshot stands for all before it. */
function compareTransactions(transactions: readonly LakeTransaction[], record: readonly Recorded[], wrong: string[]) {
  let [last, lost, doubled] = [-1, 0, 0];
  for (const transaction of transactions) {
    const n = numberOf(transaction);
    const opens = transaction.txId === '0';
    if (!opens && n <= last) doubled++;
    if (!opens && n > last + 1) lost += n - last - 1;
    if (opens && n < last) wrong.push(`a snapshot shows transaction ${n}, after ${last}`);
    const told = opens ? snapshotOf(n, record) : record.find((recorded) => recorded.n === n);
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

function snapshotOf(n: number, record: readonly Recorded[]) {
  const state = stateAt(n, record);
  const changes = catalog.tables.flatMap(({ table }) => [
    { table, op: 't' as const, key: null, after: null },
    ...[...state.get(table)!].map(([key, after]) => ({ table, op: 'r' as unknown as 'c', key, after })),
  ]);
  return { txId: '0', changes };
}

function stateAt(n: number, record: readonly Recorded[]): State {
  const state = emptyState();
  for (const recorded of record) if (recorded.n <= n) apply(state, recorded.changes);
  return state;
}

/** How many of the cuts are none. */
function compareCuts(
  seen: readonly SeenCut[],
  transactions: readonly LakeTransaction[],
  record: readonly Recorded[],
  wrong: string[],
): number {
  const numbers = new Map(transactions.map((transaction) => [transaction.last, numberOf(transaction)]));
  const wanted = new Set(seen.map(({ n }) => n));
  const rows = new Map<number, string>();
  const state = emptyState();
  for (const { n, changes } of record) {
    apply(state, changes);
    if (wanted.has(n)) rows.set(n, visibleRows(state));
  }
  const torn = seen.filter((cut) => numbers.get(cut.position) !== cut.n || rows.get(cut.n) !== cut.rows);
  for (const { position, n, rows: shown } of torn.slice(0, 3))
    wrong.push(`a cut at position ${position} shows transaction ${n} with ${shown}, where ${rows.get(n)} is expected`);
  return torn.length;
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
  unknown: readonly Omit<LakeVersion, 'current' | 'validFrom' | 'validTo'>[],
  expected: readonly ExpectedVersion[],
  transactions: readonly LakeTransaction[],
): string[] {
  const times = new Map(transactions.map(({ first, effectiveAt }) => [first, effectiveAt]));
  const line = ({ key, surrogate, opened, closed, state }: Omit<ExpectedVersion, 'table' | 'unknown'>) =>
    JSON.stringify([key, surrogate, opened, closed, state]);
  const ofTable = expected.filter((version) => version.table === table);
  const times_ = stored.filter(
    ({ opened, closed, validFrom, validTo, current }) =>
      validFrom !== times.get(opened) ||
      validTo !== (closed === null ? null : times.get(closed)) ||
      current !== (closed === null),
  );
  return [
    ...difference(`versions of ${table}`, stored.map(line), ofTable.filter((version) => !version.unknown).map(line)),
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
