/** Where a verification keeps what it compares: a DuckDB of its own with little memory, and files for all the rest. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { failpoint } from '#libs/failpoints';
import { openDuckDb } from '#libs/lake';
import { processFolder } from '#libs/running-process';
import { literal } from '#libs/scd2';

/** Beside what the projector needs itself. */
const memoryLimit = '128MB';

export class Workspace {
  private constructor(
    /** Tables of the schema `rows` are in a file. */
    readonly duckdb: DuckDBConnection,
    private readonly instance: DuckDBInstance,
    readonly folder: string,
  ) {}

  /** `parent`: the folder in which one for the files is made, and those of processes that were killed are deleted. */
  static async open(parent: string): Promise<Workspace> {
    const folder = await processFolder(parent, 'verification');
    try {
      const instance = await openDuckDb({ threads: 1, memoryLimit, temporaryFolder: join(folder, 'spill') });
      const duckdb = await instance.connect();
      // else rows keep their order, and with it their memory, for nobody
      await duckdb.run('SET preserve_insertion_order = false');
      await duckdb.run(`ATTACH ${literal(join(folder, 'rows.duckdb'))} AS rows`);
      return new Workspace(duckdb, instance, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  interrupt(): void {
    this.duckdb.interrupt();
  }

  async close(): Promise<void> {
    this.duckdb.closeSync();
    this.instance.closeSync();
    await failpoint('verification.before-clearing');
    await rm(this.folder, { recursive: true, force: true });
  }
}
