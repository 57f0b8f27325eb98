/** What is kept up in a projector's lake, and when. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { DeltaTable } from '#libs/delta-log';
import type { VersionStore } from '../folding/version-store.js';
import { changelogLayout, type ChangelogLayoutOptions } from './changelog-layout.js';
import type { Layout } from './layout.js';
import { periodLayout, type PeriodLayoutOptions } from './period-layout.js';
import type { Cadence, KeptTable } from './table-upkeep.js';
import { Upkeep, type UpkeepOptions } from './upkeep.js';

export interface UpkeepSettings extends Pick<UpkeepOptions, 'look' | 'now'> {
  readonly cadence: Cadence;
  readonly changelog: Omit<ChangelogLayoutOptions, 'folded'>;
  readonly periods: PeriodLayoutOptions;
}

const minute = 60_000;

const usual: UpkeepSettings = {
  cadence: {
    ...{ commits: 1000, checkpoints: 5 * minute },
    ...{ merges: 10 * minute, cleanings: 30 * minute, pause: minute },
  },
  changelog: { files: 1000, fileSize: 64 << 20 },
  periods: { files: 16, rows: 4_000_000 },
};

export interface KeptLake {
  readonly changelog: DeltaTable;
  readonly stores: readonly VersionStore[];
  /** Position up to which every table is folded. */
  readonly folded: () => number;
}

export function upkeepOf(
  { changelog, stores, folded }: KeptLake,
  duckdb: DuckDBConnection,
  { settings, ...options }: Omit<UpkeepOptions, 'cadence'> & { readonly settings: Partial<UpkeepSettings> | undefined },
): Upkeep {
  const { changelog: sizes, periods, ...rest } = { ...usual, ...settings };
  const claimedBy = changelog;
  const quarantines = new Set(stores.map(({ quarantine }) => quarantine));
  const tables: KeptTable[] = [
    { table: changelog, layout: changelogLayout({ ...sizes, folded }) },
    ...stores.map((store) => ({ table: store.versions, layout: layoutOf(store, periods), claimedBy })),
    ...[...quarantines].map((table) => ({ table, claimedBy })),
  ];
  return new Upkeep(tables, duckdb, { ...rest, ...options });
}

/** Versions of another catalog entry have other columns, and are about to be replaced: they stay as they lie. */
function layoutOf(store: VersionStore, options: PeriodLayoutOptions): Layout {
  const layout = periodLayout(store.table, options);
  return {
    ...layout,
    outgrown: (snapshot, overdue) => (store.drifted ? [] : layout.outgrown(snapshot, overdue)),
  };
}
