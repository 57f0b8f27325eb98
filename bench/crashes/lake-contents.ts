/** What the lake's files hold, read whole: transactions of the changelog, versions, intervals of the quarantine. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { lakeTable, surrogateKey, type Table } from '#libs/catalog';
import { loadSnapshot, type Snapshot } from '#libs/delta-log';
import { appIds, changelog, parquet, quarantine, rowsOf } from '#libs/lake';
import type { RecordedChange, Texts } from './record.js';

export interface LakeTransaction {
  readonly txId: string;
  readonly first: number;
  readonly last: number;
  /** Microseconds since 1970. */
  readonly effectiveAt: bigint;
  readonly changes: readonly (Omit<RecordedChange, 'op'> & { readonly op: string })[];
}

export interface LakeVersion {
  readonly key: string;
  readonly surrogate: number;
  readonly opened: number;
  readonly closed: number | null;
  readonly validFrom: bigint;
  readonly validTo: bigint | null;
  readonly current: boolean;
  readonly state: string;
}

export class LakeContents {
  constructor(
    private readonly lake: string,
    private readonly duckdb: DuckDBConnection,
  ) {}

  /** Positions as they are stored, in order: dense if nothing is lost or doubled. */
  async positions(): Promise<number[]> {
    const rows = await rowsOf(this.duckdb, `SELECT position FROM ${await this.relation(changelog.name)} ORDER BY 1`);
    return rows.map(({ position }) => Number(position));
  }

  async transactions(): Promise<LakeTransaction[]> {
    const rows = await rowsOf(
      this.duckdb,
      `SELECT tx_position AS first, max(position) AS last, any_value(tx_id) AS tx_id, epoch_us(any_value(effective_at)) AS at,
         to_json(list({'table': "table", 'op': op, 'key': key, 'after': after::JSON} ORDER BY position))::VARCHAR AS changes
       FROM ${await this.relation(changelog.name)} GROUP BY tx_position ORDER BY tx_position`,
    );
    return rows.map(({ first, last, tx_id, at, changes }) => ({
      ...{ txId: String(tx_id), first: Number(first), last: Number(last), effectiveAt: BigInt(at as bigint) },
      changes: JSON.parse(String(changes)),
    }));
  }

  async foldPosition(table: Table): Promise<number> {
    return (await this.snapshot(lakeTable(table))).transactions.get(appIds.fold) ?? 0;
  }

  async versions(table: Table): Promise<LakeVersion[]> {
    const state = table.columns.filter(({ name }) => !table.key.includes(name)).map(({ name }) => text(name));
    const rows = await rowsOf(
      this.duckdb,
      `SELECT to_json([${table.key.map(text).join(', ')}])::VARCHAR AS key, ${surrogateKey(table)} AS surrogate,
         to_json([${state.join(', ')}])::VARCHAR AS state, opened_tx, closed_tx, epoch_us(valid_from) AS valid_from,
         epoch_us(valid_to) AS valid_to, is_current FROM ${await this.relation(lakeTable(table), 'is_current')}`,
    );
    return rows.map((row) => ({
      ...{ key: String(row['key']), surrogate: Number(row['surrogate']), state: String(row['state']) },
      ...{ opened: Number(row['opened_tx']), closed: numberOrNull(row['closed_tx']) },
      ...{ validFrom: row['valid_from'] as bigint, validTo: row['valid_to'] as bigint | null },
      current: row['is_current'] === 'true',
    }));
  }

  /** Intervals in which a key's state is unknown, of the generation that the versions name. */
  async unknown(table: Table): Promise<Omit<LakeVersion, 'current' | 'validFrom' | 'validTo'>[]> {
    const generation = (await this.snapshot(lakeTable(table))).transactions.get('quarantine') ?? 0;
    const snapshot = await this.snapshot(quarantine.name);
    const paths = [...snapshot.files.values()]
      .filter(({ partitionValues, tags }) => {
        return partitionValues['table'] === table.table && Number(tags?.['migsbyu.generation'] ?? 0) === generation;
      })
      .map(({ path }) => join(this.lake, quarantine.name, path));
    if (paths.length === 0) return [];
    const rows = await rowsOf(this.duckdb, `SELECT key, position, opened_tx, closed_tx, raw FROM ${parquet(paths)}`);
    return rows.map(({ key, position, opened_tx, closed_tx, raw }) => ({
      ...{ key: String(key), surrogate: Number(position), opened: Number(opened_tx), closed: numberOrNull(closed_tx) },
      state: JSON.stringify(Object.entries(JSON.parse(String(raw)) as Texts)),
    }));
  }

  private async snapshot(name: string): Promise<Snapshot> {
    return (await loadSnapshot(join(this.lake, name), this.duckdb))!;
  }

  private async relation(name: string, partition?: string): Promise<string> {
    const { files } = await this.snapshot(name);
    const selects = [...files.values()].map(({ path, partitionValues }) => {
      const value = partition ? `'${partitionValues[partition]}' AS ${partition}, ` : '';
      return `SELECT ${value}* FROM ${parquet([join(this.lake, name, path)])}`;
    });
    return selects.length > 0 ? `(${selects.join(' UNION ALL BY NAME ')})` : '(SELECT 1 WHERE false)';
  }
}

const text = (name: string): string => `"${name}"::VARCHAR`;
const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value));
