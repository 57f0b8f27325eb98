/**
 * What new changelog files bring: the transactions, and per table the changes for its memory. Few are read once, as rows,
 * and never become a table: planning costs more than they do.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { changelogTags, parquet } from '#libs/lake';
import { literal, type RefreshBatch } from '#libs/scd2';
import { appliedTransactions, type AppliedTransaction } from './applied-transactions.js';
import { changesOfFiles, changesOfRelation, type FewChange } from './few-changes.js';

export interface ChangelogFiles {
  readonly folder: string;
  readonly files: readonly AddFile[];
  /** Changes up to here are known to every table. */
  readonly known: number;
}

export interface NewChanges {
  /** Those after a position, in order. */
  transactions(after: number): Promise<AppliedTransaction[]>;
  /** A table's changes after a position; null where there are none. */
  of(table: Table, after: number): RefreshBatch | null;
  /** To be called when nothing more is asked. */
  release(): Promise<void>;
}

/** As many changes are refreshed by SQL in the time that plain code takes. */
const fewChanges = 2000;

/** Bytes of files that are read at once. */
const fewBytes = 4 << 20;

/** How many changes the files hold after `known`. */
export const countOf = ({ files, known }: Omit<ChangelogFiles, 'folder'>): number =>
  files.reduce((sum, { tags }) => {
    const [first, last] = [changelogTags.firstPosition, changelogTags.lastPosition].map((tag) => Number(tags![tag]));
    return sum + Math.max(0, last! - Math.max(first! - 1, known));
  }, 0);

export function readNewChanges(duckdb: DuckDBConnection, source: ChangelogFiles): Promise<NewChanges> {
  return countOf(source) <= fewChanges ? readRows(duckdb, source) : readTable(duckdb, source);
}

const pathsOf = ({ folder, files }: ChangelogFiles): string[] => files.map(({ path }) => `${folder}/${path}`);
const relationOf = (source: ChangelogFiles): string => parquet(pathsOf(source));

/** A filter costs 0.3 ms a file, which is more than reading a small one does. */
function filterOf({ files, known }: ChangelogFiles): string {
  const needed = files.some(({ tags }) => Number(tags![changelogTags.firstPosition]) <= known);
  return needed ? ` WHERE position > ${known}` : '';
}

async function readRows(duckdb: DuckDBConnection, source: ChangelogFiles): Promise<NewChanges> {
  const relation = relationOf(source);
  const changes =
    (isSmall(source) ? changesOfFiles(pathsOf(source)) : null) ??
    (await changesOfRelation(duckdb, relation + filterOf(source)));
  const byTable = Map.groupBy(changes, ({ table }) => table);
  return {
    transactions: (after) => Promise.resolve(transactionsOf(changes.filter(isAfter(after)))),
    of: ({ table }, after) => {
      const rows = byTable.get(table)?.filter(isAfter(after)) ?? [];
      return rows.length > 0 ? { changes: changesOf(relation, table, after), rows } : null;
    },
    release: () => Promise.resolve(),
  };
}

/** A file may be long of which few changes are new. */
const isSmall = ({ files }: ChangelogFiles): boolean =>
  countOf({ files, known: 0 }) <= fewChanges && files.reduce((sum, { size }) => sum + size, 0) <= fewBytes;

const isAfter =
  (after: number) =>
  ({ position }: FewChange): boolean =>
    position > after;

function transactionsOf(changes: readonly FewChange[]): AppliedTransaction[] {
  const byPosition = [...Map.groupBy(changes, ({ txPosition }) => txPosition)].sort(([a], [b]) => (a < b ? -1 : 1));
  return byPosition.map(([, all]) => ({
    ...{ txId: all[0]!.txId, commitLsn: all[0]!.commitLsn },
    read: all.every(({ op }) => op === 'r' || op === 't'),
  }));
}

async function readTable(duckdb: DuckDBConnection, source: ChangelogFiles): Promise<NewChanges> {
  await duckdb.run(
    `CREATE OR REPLACE TEMP TABLE new_changes AS
     SELECT * EXCLUDE (before, correlation_id) FROM ${relationOf(source)}${filterOf(source)}`,
  );
  return {
    transactions: (after) => appliedTransactions(duckdb, `(SELECT * FROM new_changes WHERE position > ${after})`),
    of: ({ table }, after) => ({ changes: changesOf('new_changes', table, after) }),
    release: async () => void (await duckdb.run('DROP TABLE new_changes')),
  };
}

const changesOf = (relation: string, table: string, after: number): string =>
  `(SELECT * FROM ${relation} WHERE "table" = ${literal(table)} AND position > ${after})`;
