/** Tables of a lake in whatever files a test wants, without the projector. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { createTable, DeltaTable, statsOf, writeDataFile, type AddFile } from '#libs/delta-log';
import { changelog, changelogTags } from '#libs/lake';

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

export class TestChangelog {
  position = 0;

  private constructor(
    readonly table: DeltaTable,
    private readonly duckdb: DuckDBConnection,
  ) {}

  static async create(root: string, duckdb: DuckDBConnection): Promise<TestChangelog> {
    const folder = join(root, `changelog-${randomUUID()}`);
    await createTable(folder, { ...changelog, partitionColumns: [], configuration: {} }, duckdb);
    return new TestChangelog(await DeltaTable.open(folder, duckdb), duckdb);
  }

  /** One transaction of so many changes, effective as many microseconds after 5 s as its position, in a commit of its own. */
  async append(changes: number): Promise<void> {
    const first = this.position + 1;
    const last = this.position + changes;
    const columns = `range AS position, ${first}::BIGINT AS tx_position, ${first}::BIGINT AS commit_lsn,
      range - ${first} AS ordinal, '${first}' AS tx_id, make_timestamptz(5000000) AS committed_at,
      make_timestamptz(5000000 + ${first}) AS effective_at, 'accounts' AS "table", 'u' AS op,
      '["' || range || '"]' AS key, NULL::VARCHAR AS before, '{"id":"' || range || '"}' AS after,
      NULL::VARCHAR AS actor, NULL::VARCHAR AS command, NULL::VARCHAR AS correlation_id`;
    const file = await writeDataFile(this.table.folder, async (path) => {
      const rows = `SELECT ${columns} FROM range(${first}, ${last + 1})`;
      await this.duckdb.run(`COPY (${rows}) TO ${literal(path)} (FORMAT parquet)`);
    });
    const add: AddFile = {
      ...{ ...file, partitionValues: {}, modificationTime: 1, dataChange: true },
      stats: statsOf({ numRecords: changes, minValues: { position: first }, maxValues: { position: last } }),
      tags: {
        [changelogTags.firstPosition]: String(first),
        [changelogTags.lastPosition]: String(last),
        [changelogTags.firstEffectiveAt]: String(5_000_000 + first),
        [changelogTags.lastEffectiveAt]: String(5_000_000 + first),
      },
    };
    this.position = last;
    await this.table.commit([{ txn: { appId: 'position', version: last } }, { add }]);
  }
}

/** Closed versions of an account, each as its key, the transaction that opened it and the one that closed it. */
export async function closedAccounts(
  folder: string,
  duckdb: DuckDBConnection,
  { period, versions }: { readonly period: number; readonly versions: readonly string[] },
): Promise<AddFile> {
  const rows = versions.map((version) => version.split(' ') as [string, string, string]);
  const values = rows.map(
    ([id, opened, closed]) => `(${opened}::BIGINT, ${literal(id)}, ${opened}::INTEGER, make_timestamptz(${opened}),
      make_timestamptz(${closed}), ${opened}::BIGINT, ${closed}::BIGINT, NULL::VARCHAR, NULL::VARCHAR)`,
  );
  const columns = 'account_key, id, balance, valid_from, valid_to, opened_tx, closed_tx, actor, command';
  const partitionValues = { is_current: 'false' };
  const write = async (path: string) => {
    const table = `(VALUES ${values.join(', ')}) AS rows (${columns})`;
    await duckdb.run(`COPY (SELECT * FROM ${table}) TO ${literal(path)} (FORMAT parquet)`);
  };
  const file = await writeDataFile(folder, write, partitionValues);
  const opened = rows.map(([, from]) => Number(from));
  return {
    ...file,
    ...{ partitionValues, modificationTime: 1, dataChange: true },
    stats: statsOf({
      numRecords: rows.length,
      minValues: { account_key: Math.min(...opened) },
      maxValues: { account_key: Math.max(...opened) },
    }),
    tags: { 'migsbyu.period': String(period) },
  };
}
