/** What a reader answers about a table, and what it should by the versions of an oracle. */
import type { Catalog, Table } from '#libs/catalog';
import { Follower } from '../../apps/query-api/src/follower/follower.js';
import { LakeReader } from '../../apps/query-api/src/follower/lake-reader.js';
import type { SqlValue } from '../../apps/query-api/src/follower/reader.js';
import type { End, OracleVersion, Replay } from './oracle.js';

/** A reader for as long as the work lasts. */
export async function withReader<T>(
  { lake, catalog }: { readonly lake: string; readonly catalog: Catalog },
  work: (reader: LakeReader) => Promise<T>,
): Promise<T> {
  const follower = new Follower({ lake, catalog, failed: () => {}, failurePause: 5 });
  follower.start();
  try {
    return await work(new LakeReader(follower, catalog.tables));
  } finally {
    await follower.stop();
  }
}

const text = (value: SqlValue) => (value === null ? null : String(value));

/** All versions, the open ones, and those as of each of `ends`, by position and by time. */
export async function answers(reader: LakeReader, ends: readonly End[], table: Table) {
  return reader.read(async (session) => {
    const columns = [
      `${table.name}_key`,
      ...table.columns.map(({ name }) => name),
      'valid_from',
      'opened_tx',
      'actor',
      'command',
    ];
    const list = columns.map((name) => `"${name}"`).join(', ');
    const rowsOf = async (relation: string, more = '') => {
      const rows = await session.rows(`SELECT ${list}${more} FROM ${relation} ORDER BY 1`);
      return rows.map((row) => Object.values(row).map(text));
    };
    const asOf = [];
    for (const { position, effectiveAt } of ends) {
      const byTime = await session.cutAtTime(effectiveAt);
      const inside = await session.cutAtPosition(position);
      asOf.push({
        position,
        byTime: byTime?.position,
        inside: inside?.position,
        rows: await rowsOf(session.asOf(table, position)),
      });
    }
    const all = await rowsOf(session.versions(table), ', valid_to, closed_tx, is_current');
    return { cut: session.cut.position, all, current: await rowsOf(session.current(table)), asOf };
  });
}

export function expectedAnswers(
  { versions, ends }: Pick<Replay, 'versions' | 'ends'>,
  table: Table,
  cut = ends.at(-1)!.position,
) {
  const own = versions
    .get(table.table)!
    .filter(({ opened_tx }) => opened_tx <= cut)
    .toSorted((a, b) => a.position - b.position);
  const row = (version: OracleVersion) => {
    const { position, valid_from, opened_tx, actor, command } = version;
    const columns = table.columns.map(({ name }) => version.row[name] ?? null);
    return [String(position), ...columns, String(valid_from), String(opened_tx), actor, command];
  };
  const at = (position: number) =>
    own
      .filter(({ opened_tx, closed_tx }) => opened_tx <= position && (closed_tx === null || closed_tx > position))
      .map(row);
  const closing = ({ valid_to, closed_tx }: OracleVersion) =>
    closed_tx === null || closed_tx > cut ? [null, null, 'true'] : [String(valid_to), String(closed_tx), 'false'];
  return {
    cut,
    all: own.map((version) => [...row(version), ...closing(version)]),
    current: at(cut),
    asOf: ends.map(({ position }) => ({ position, byTime: position, inside: position, rows: at(position) })),
  };
}
