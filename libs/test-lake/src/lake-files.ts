import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import type { DuckDBConnection } from '@duckdb/node-api';
import { loadSnapshot, type AddFile } from '#libs/delta-log';
import { parquet, rowsOf } from '#libs/lake';

/** A folder that is gone after the test file's last test. To be called while tests are being defined. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `migsbyu-${name}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** The files of the newest version of a table's folder, in the order of the log. */
export async function liveFiles(folder: string, duckdb: DuckDBConnection): Promise<AddFile[]> {
  return [...(await loadSnapshot(folder, duckdb))!.files.values()];
}

/** What the newest version of a table's folder holds: `select` over all its rows. */
export async function lakeRows(
  folder: string,
  duckdb: DuckDBConnection,
  select = '*',
): Promise<Record<string, unknown>[]> {
  const files = await liveFiles(folder, duckdb);
  if (files.length === 0) return [];
  const relation = parquet(files.map(({ path }) => `${folder}/${path}`));
  return rowsOf(duckdb, `SELECT ${select} FROM ${relation} ORDER BY 1`);
}
