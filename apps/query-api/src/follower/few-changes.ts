/** Changes of small changelog files, as rows. */
import { readFileSync } from 'node:fs';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import type { ChangeRow } from '#libs/scd2';
import { readColumns } from './parquet/small-file.js';

export interface FewChange extends ChangeRow {
  readonly table: string;
  readonly txId: string;
  readonly commitLsn: number;
}

const time = 'effective_at';
const names = [
  ...['position', 'tx_position', time, 'op', 'key', 'after', 'actor', 'command'],
  ...['table', 'tx_id', 'commit_lsn'],
];

/**
 * The changes of whole files. null where it takes DuckDB to read them, or to say what is wrong with them. They are read at
 * once, on this thread: they were just written, and four waits for another thread take longer.
 */
export function changesOfFiles(paths: readonly string[]): FewChange[] | null {
  try {
    return paths.flatMap((path) => {
      const columns = readColumns(readFileSync(path), names);
      return columns[0]!.map((_, row) => fewChange(columns.map((values) => values[row]!)));
    });
  } catch {
    return null; // missing, torn, or written by others
  }
}

/** The same of a relation of changelog rows. */
export async function changesOfRelation(duckdb: DuckDBConnection, relation: string): Promise<FewChange[]> {
  const columns = names.map((name) => (name === time ? `epoch_us(${name})` : `"${name}"`)).join(', ');
  const reader = await duckdb.runAndReadAll(`SELECT ${columns} FROM ${relation}`);
  return reader.getRows().map(fewChange);
}

function fewChange(row: readonly DuckDBValue[]): FewChange {
  const [position, txPosition, effectiveAt, op, key, after, actor, command, table, txId, commitLsn] = row;
  return {
    ...{ position: position as bigint, txPosition: txPosition as bigint, effectiveAt: effectiveAt as bigint },
    ...{ op: op as string, key: key as string | null, after: after as string | null, actor: actor as string | null },
    ...{ command: command as string | null, table: table as string, txId: txId as string },
    commitLsn: Number(commitLsn),
  };
}
