/**
 * Since which position a table of versions knows each column to be in the changes that it holds: `txn` actions of the fold
 * that met a column first, so neither is without the other, and a reader that goes by the fold position goes by these.
 * Those of columns that the catalog has no more stay, and stay true.
 */
import type { SetTransaction, Snapshot } from '#libs/delta-log';

const prefix = 'since.';

/** Column → position of the first change that has it, of the changes up to the fold. */
export function columnsSince({ transactions }: Pick<Snapshot, 'transactions'>): ReadonlyMap<string, number> {
  const own = [...transactions].filter(([appId]) => appId.startsWith(prefix));
  return new Map(own.map(([appId, position]) => [appId.slice(prefix.length), position]));
}

/** Actions that make `since` known, where `known` is already. */
export const columnsSinceActions = (
  since: ReadonlyMap<string, number>,
  known: ReadonlyMap<string, number> = new Map(),
): { txn: SetTransaction }[] =>
  [...since]
    .filter(([column]) => !known.has(column))
    .map(([column, version]) => ({ txn: { appId: prefix + column, version } }));
