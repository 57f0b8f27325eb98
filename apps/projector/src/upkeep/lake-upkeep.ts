/** What is kept up in a projector's lake, and when. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DeltaTable } from '#libs/delta-log';
import type { VersionStore } from '../folding/version-store.js';
import { changelogLayout } from './changelog-layout.js';
import { periodLayout } from './period-layout.js';
import type { Cadence, KeptTable } from './table-upkeep.js';
import { Upkeep, type UpkeepOptions } from './upkeep.js';

const minute = 60_000;

const cadence: Cadence = {
  ...{ commits: 1000, checkpoints: 5 * minute },
  ...{ merges: 10 * minute, cleanings: 30 * minute, pause: minute },
};

const changelogFiles = { files: 1000, fileSize: 64 << 20 };

const periodFiles = { files: 16, rows: 4_000_000 };

export interface KeptLake {
  readonly changelog: DeltaTable;
  readonly stores: readonly VersionStore[];
  /** Position up to which every table is folded. */
  readonly folded: () => number;
}

export function upkeepOf(lake: KeptLake, duckdb: DuckDBConnection, options: Omit<UpkeepOptions, 'cadence'>): Upkeep {
  const quarantines = new Set(lake.stores.map(({ quarantine }) => quarantine));
  const tables: KeptTable[] = [
    { table: lake.changelog, layout: changelogLayout({ ...changelogFiles, folded: lake.folded }) },
    ...lake.stores.map(({ table, versions }) => ({ table: versions, layout: periodLayout(table, periodFiles) })),
    ...[...quarantines].map((table) => ({ table })),
  ];
  return new Upkeep(tables, duckdb, { cadence, ...options });
}
