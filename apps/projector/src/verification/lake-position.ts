/** Where in the lake a point of the source's log is. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { formatLsn, isSameEpoch, type Lsn, type SourceEpoch } from '#libs/change-event';
import { loadSnapshot, type Snapshot } from '#libs/delta-log';
import { changelog, changelogTags, parquet, readWatermark, rowsOf } from '#libs/lake';
import { tipOf } from '../append/tip.js';

/** There is nothing to compare with yet. */
export class LakeWithoutSnapshot extends Error {
  readonly code = 'lake-without-snapshot';
  constructor(readonly lake: string) {
    super(`The lake in ${lake} has taken no snapshot of a source yet. Verify it when the projector has.`);
    this.name = 'LakeWithoutSnapshot';
  }
}

/** The lake did not become complete up to the point of the comparison in time. */
export class LakeBehind extends Error {
  readonly code = 'lake-behind';
  constructor(
    readonly wanted: Lsn,
    readonly complete: Lsn | null,
    readonly patience: number,
  ) {
    const now = complete === null ? 'nothing is known to be complete' : `it is complete up to ${formatLsn(complete)}`;
    super(
      `The lake was not complete up to ${formatLsn(wanted)} within ${patience / 1000} s: ${now}. ` +
        'See whether the projector streams and keeps up, then verify again.',
    );
    this.name = 'LakeBehind';
  }
}

/** The lake took another snapshot meanwhile: rows and lake are of different epochs. */
export class EpochChanged extends Error {
  readonly code = 'epoch-changed';
  constructor() {
    super('The lake began a new epoch during the verification. Verify again.');
    this.name = 'EpochChanged';
  }
}

export interface LakeStand {
  readonly epoch: SourceEpoch;
  /** Last position. */
  readonly position: number;
}

/** As the files say now. @throws LakeWithoutSnapshot */
export async function lakeStand(lake: string, duckdb: DuckDBConnection): Promise<LakeStand> {
  const { epoch, position } = tipOf(await changelogOf(lake, duckdb));
  if (!epoch) throw new LakeWithoutSnapshot(lake);
  return { epoch, position };
}

export async function changelogOf(lake: string, duckdb: DuckDBConnection): Promise<Snapshot> {
  const snapshot = await loadSnapshot(join(lake, changelog.name), duckdb);
  if (!snapshot) throw new LakeWithoutSnapshot(lake);
  return snapshot;
}

const lookEvery = 50;

export interface Waiting {
  /** Milliseconds. */
  readonly patience: number;
  readonly signal: AbortSignal;
}

/**
 * Resolves when everything that the source had committed up to `lsn` is in the lake.
 * @throws LakeBehind, EpochChanged
 */
export async function untilComplete(
  lake: string,
  { epoch, lsn }: { epoch: SourceEpoch; lsn: Lsn },
  duckdb: DuckDBConnection,
  { patience, signal }: Waiting,
): Promise<void> {
  const until = performance.now() + patience;
  for (;;) {
    const watermark = await readWatermark(lake);
    const own = watermark !== null && isSameEpoch(JSON.parse(watermark.epoch) as SourceEpoch, epoch);
    if (own && watermark.lsn >= lsn) return;
    // one of an older epoch may still stand there
    if (!own && !isSameEpoch((await lakeStand(lake, duckdb)).epoch, epoch)) throw new EpochChanged();
    if (performance.now() >= until) throw new LakeBehind(lsn, own ? watermark.lsn : null, patience);
    await sleep(lookEvery, undefined, { signal });
  }
}

/**
 * The position of the last change that was committed at or before `lsn`, in a lake that is complete up to there. `from`
 * is where the lake stood before `lsn` was made, so nothing up to there is later; before it LSNs may be another source's.
 * @throws EpochChanged
 */
export async function positionAt(lake: string, lsn: Lsn, from: LakeStand, duckdb: DuckDBConnection): Promise<number> {
  const snapshot = await changelogOf(lake, duckdb);
  if (!isSameEpoch(tipOf(snapshot).epoch!, from.epoch)) throw new EpochChanged();
  const later = [...snapshot.files.values()].filter(
    ({ tags }) => Number(tags![changelogTags.lastPosition]) > from.position,
  );
  if (later.length === 0) return from.position;
  const files = parquet(later.map(({ path }) => join(lake, changelog.name, path)));
  const [row] = await rowsOf(
    duckdb,
    `SELECT max(position) AS position FROM ${files} WHERE position > ${from.position} AND commit_lsn <= ${lsn}`,
  );
  return row!.position === null ? from.position : Number(row!.position);
}
