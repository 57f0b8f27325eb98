/** Transactions as a source would deliver them. */
import {
  formatLsn,
  type ChangeEvent,
  type CommitEnd,
  type Row,
  type SourceEpoch,
  type Transaction,
} from '#libs/change-event';

/** A change with its rows as objects. */
export interface ChangeOf extends Omit<ChangeEvent, 'ordinal' | 'before' | 'after'> {
  readonly before?: Row;
  readonly after?: Row;
}

/** As a source delivers it. */
export const changeEvent = ({ table, op, key, before, after }: ChangeOf, ordinal: number): ChangeEvent => ({
  ...{ ordinal, table, op, key },
  before: before ? JSON.stringify(before) : null,
  after: after ? JSON.stringify(after) : null,
});

/** A change of an account's row; null: it is deleted. */
export function account(id: string, balance: string | null, op: 'c' | 'u' | 'r' = 'u'): ChangeOf {
  const row = { table: 'accounts', key: JSON.stringify([id]) };
  return balance === null ? { ...row, op: 'd' } : { ...row, op, after: { id, balance } };
}

export const truncated = (table: string): ChangeOf => ({ table, op: 't', key: null });

/** An epoch of one and the same server; another consistent point is another epoch. */
export const epochOf = (consistent_point: string, other: Partial<SourceEpoch> = {}): SourceEpoch => ({
  ...{ system_identifier: '1', timeline: 1, database: 'ledger', adapter: 'postgres', identity: 'test' },
  ...{ consistent_point, ...other },
});

interface Delivered extends Partial<CommitEnd> {
  readonly txId?: string;
  readonly opens?: SourceEpoch;
  /** Changes in one chunk; all of them in one unless told otherwise. */
  readonly chunk?: number;
}

/** Committed at `commitLsn` seconds after a moment of 2023, unless told otherwise. */
export function transaction(commitLsn: number, changes: readonly ChangeOf[], delivered: Delivered = {}): Transaction {
  const { txId = String(commitLsn), opens, chunk = 1e9, ...end } = delivered;
  const committedAt = 1_700_000_000_000_000n + BigInt(commitLsn) * 1_000_000n;
  const numbered = changes.map(changeEvent);
  const chunks = async function* () {
    for (let from = 0; from < numbered.length; from += chunk) yield numbered.slice(from, from + chunk);
  };
  return {
    header: { txId, ...(opens && { opens }) },
    changes: chunks(),
    end: Promise.resolve({ commitLsn, committedAt, ...end }),
  };
}

/** What opens an epoch: a truncate of each table, then its rows. */
export const snapshotOf = (
  commitLsn: number,
  rows: readonly ChangeOf[],
  opens = epochOf(formatLsn(commitLsn)),
): Transaction => transaction(commitLsn, [truncated('accounts'), truncated('notes'), ...rows], { txId: '0', opens });
