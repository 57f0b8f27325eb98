/**
 * What new changelog files bring: the transactions, and per table the changes for its memory. Few are read once, as rows,
 * and never become a table: planning costs more than they do.
 */
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import type { Table } from '#libs/catalog';
import type { AddFile } from '#libs/delta-log';
import { changelogTags, parquet } from '#libs/lake';
import { literal, type ChangeRow, type RefreshBatch } from '#libs/scd2';
import { appliedTransactions, type AppliedTransaction } from './applied-transactions.js';

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

/** As many changes are refreshed by SQL in the time that plain code takes: 90 ms of CPU, at a million open rows. */
const fewChanges = 2000;

/** How many changes the files hold after `known`. */
export const countOf = ({ files, known }: ChangelogFiles): number =>
  files.reduce((sum, { tags }) => {
    const [first, last] = [changelogTags.firstPosition, changelogTags.lastPosition].map((tag) => Number(tags![tag]));
    return sum + Math.max(0, last! - Math.max(first! - 1, known));
  }, 0);

export function readNewChanges(
  duckdb: DuckDBConnection,
  source: ChangelogFiles,
  tables: readonly Table[],
): Promise<NewChanges> {
  return countOf(source) <= fewChanges ? readRows(duckdb, source, tables) : readTable(duckdb, source);
}

const relationOf = ({ folder, files }: ChangelogFiles): string => parquet(files.map(({ path }) => `${folder}/${path}`));

/** A filter costs 0.3 ms a file, which is more than reading a small one does. */
function filterOf({ files, known }: ChangelogFiles): string {
  const needed = files.some(({ tags }) => Number(tags![changelogTags.firstPosition]) <= known);
  return needed ? ` WHERE position > ${known}` : '';
}

interface FewChange extends ChangeRow {
  readonly table: string;
  readonly txId: string;
  readonly commitLsn: number;
}

async function readRows(
  duckdb: DuckDBConnection,
  source: ChangelogFiles,
  tables: readonly Table[],
): Promise<NewChanges> {
  const relation = relationOf(source);
  const ofTables = `"table" IN (${tables.map(({ table }) => literal(table)).join(', ')})`;
  const reader = await duckdb.runAndReadAll(
    `SELECT position, tx_position, effective_at, op, key, CASE WHEN ${ofTables} THEN after END, actor, command,
       "table", tx_id, commit_lsn FROM ${relation}${filterOf(source)}`,
  );
  const changes = reader.getRows().map(fewChange);
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

const isAfter =
  (after: number) =>
  ({ position }: FewChange): boolean =>
    position > after;

const fewChange = (row: readonly DuckDBValue[]): FewChange => {
  const [position, txPosition, effectiveAt, op, key, after, actor, command, table, txId, commitLsn] = row;
  return {
    ...{ position: position as bigint, txPosition: txPosition as bigint, effectiveAt: effectiveAt!, op: op as string },
    ...{ key: key as string | null, after: after as string | null, actor: actor as string | null },
    ...{ command: command as string | null, table: table as string, txId: txId as string },
    commitLsn: Number(commitLsn),
  };
};

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
