/**
 * When a change was where, read afterwards from the lake: its commit in Postgres, its Parquet file complete, its commit in
 * the log visible. Times are the wall clock's, milliseconds since 1970; those of files are as fine as the file system's
 * clock, mostly 4 ms.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { changelog, changelogTags, openDuckDb, parquet, rowsOf } from '#libs/lake';

export interface ChangeTimes {
  readonly committed: number;
  readonly written: number;
  readonly visible: number;
  /** Changes that came in the same commit of the log. */
  readonly batch: number;
}

interface Entry {
  readonly path: string;
  readonly first: number;
  readonly last: number;
  readonly visible: number;
}

/** `positions`: first positions of transactions. */
export async function changeTimes(lake: string, positions: readonly number[]): Promise<Map<number, ChangeTimes>> {
  const folder = join(lake, changelog.name);
  const entries = entriesOf(folder);
  const wanted = new Set(positions);
  const used = entries.filter(({ first, last }) => positions.some((position) => position >= first && position <= last));
  const committed = await commitTimes(used.map(({ path }) => path));
  const times = new Map<number, ChangeTimes>();
  for (const { path, first, last, visible } of used)
    for (let position = first; position <= last; position++)
      if (wanted.has(position))
        times.set(position, {
          committed: committed.get(position)!,
          written: statSync(path).mtimeMs,
          visible,
          batch: last - first + 1,
        });
  return times;
}

/** ctime: link(2) gave the entry its name last. */
function entriesOf(folder: string): Entry[] {
  const log = join(folder, '_delta_log');
  return readdirSync(log)
    .filter((name) => /^\d{20}\.json$/.test(name))
    .flatMap((name) => {
      const actions = readFileSync(join(log, name), 'utf8').trim().split('\n');
      const visible = statSync(join(log, name)).ctimeMs;
      return actions
        .map((action) => JSON.parse(action).add)
        .filter(Boolean)
        .map(({ path, tags }) => ({
          path: join(folder, path),
          first: Number(tags[changelogTags.firstPosition]),
          last: Number(tags[changelogTags.lastPosition]),
          visible,
        }));
    });
}

async function commitTimes(paths: readonly string[]): Promise<Map<number, number>> {
  const times = new Map<number, number>();
  if (paths.length === 0) return times;
  const duckdb = await openDuckDb({ threads: 1 });
  const connection = await duckdb.connect();
  const rows = await rowsOf(
    connection,
    `SELECT tx_position, any_value(epoch_us(committed_at)) AS time FROM ${parquet(paths)} GROUP BY tx_position`,
  );
  for (const { tx_position, time } of rows) times.set(Number(tx_position), Number(time) / 1000);
  connection.closeSync();
  duckdb.closeSync();
  return times;
}
