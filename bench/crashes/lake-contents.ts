/** What the lake's files hold, read whole: transactions of the changelog, versions, intervals of the quarantine. */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { keyColumns, lakeTable, stateColumns, surrogateKey, type Column, type Table } from '#libs/catalog';
import { loadSnapshot, type Snapshot } from '#libs/delta-log';
import { appIds, changelog, parquet, quarantine, rowsOf } from '#libs/lake';
import type { Origin } from './origin.js';
import type { RecordedChange, Texts } from './record.js';
import { identityOf, printed } from './typed-value.js';

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
  readonly origin: Origin;
}

/** While a key's state does not type. */
export type LakeUnknown = Pick<LakeVersion, 'key' | 'surrogate' | 'opened' | 'closed' | 'state'>;

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
    const rows = await rowsOf(
      this.duckdb,
      `SELECT ${textsOf(keyColumns(table))} AS key, ${surrogateKey(table)} AS surrogate, ${textsOf(stateColumns(table))} AS state,
         opened_tx, closed_tx, epoch_us(valid_from) AS valid_from, epoch_us(valid_to) AS valid_to, actor, command, is_current
       FROM ${await this.relation(lakeTable(table), 'is_current')}`,
    );
    return rows.map((row) => ({
      ...{ key: String(row['key']), surrogate: Number(row['surrogate']), state: String(row['state']) },
      ...{ opened: Number(row['opened_tx']), closed: numberOrNull(row['closed_tx']) },
      ...{ validFrom: row['valid_from'] as bigint, validTo: row['valid_to'] as bigint | null },
      origin: { actor: row['actor'] as string | null, command: row['command'] as string | null },
      current: row['is_current'] === 'true',
    }));
  }

  /** Intervals in which a key's state is unknown, of the generation that the versions name. */
  async unknown(table: Table): Promise<LakeUnknown[]> {
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
      ...{ key: identityOf(table, JSON.parse(String(key)) as string[]), surrogate: Number(position) },
      ...{ opened: Number(opened_tx), closed: numberOrNull(closed_tx) },
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

/** SQL for a JSON array of what they hold. */
export const textsOf = (columns: readonly Column[]): string =>
  `to_json([${columns.map(printed).join(', ')}]::VARCHAR[])::VARCHAR`;

const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value));
