import { surrogateKey, type Table } from '#libs/catalog';
import { keyInRangeSql, type KeyRange } from './key-range.js';
import { quarantineAsOfFoldSql } from './quarantine.js';
import { identifier, literal } from './typing.js';
import { versionColumns, versionOfState } from './version.js';

export interface FoldSource {
  /** What `stepsSql` selected, materialised: it is read several times. */
  readonly steps: string;
  /** The open version rows that the steps were made from. */
  readonly open: string;
  /** All rows of the lake's quarantine, and the position up to which the table was folded before. */
  readonly quarantine: string;
  readonly foldPosition: number;
  /** Keys that `open` of the result is limited to; all of them where absent. */
  readonly range?: KeyRange;
}

export interface FoldQueries {
  /** Version rows to append to the closed part. */
  readonly closed: string;
  /** All rows of the new open part, in the range. */
  readonly open: string;
  /** All rows of this table's new quarantine, to be published before the fold. */
  readonly quarantine: string;
  /** One boolean, `changed`: whether the quarantine must be published at all. */
  readonly quarantineChanged: string;
}

/** What one fold writes. Each query may be followed by ORDER BY a version's columns. */
export function foldSql(table: Table, { steps, open, quarantine, foldPosition, range }: FoldSource): FoldQueries {
  const within = range ? ` AND ${keyInRangeSql(table, range)}` : '';
  const closing = `(SELECT position FROM ${steps} WHERE closed_tx IS NOT NULL)`;
  const stored = versionColumns(table).map(identifier).join(', ');
  const version = versionOfState(table, 's', 's.closed_tx', 's.valid_to');
  const kept = quarantineAsOfFoldSql(table, quarantine, foldPosition);
  return {
    closed: `SELECT ${version} FROM ${steps} AS s WHERE s.state.raw IS NULL AND s.closed_tx IS NOT NULL`,
    open: `SELECT ${stored} FROM ${open} AS o WHERE o.${identifier(surrogateKey(table))} NOT IN ${closing}${within}
UNION ALL SELECT ${version} FROM ${steps} AS s WHERE s.state.raw IS NULL AND s.closed_tx IS NULL AND NOT s.known${within}`,
    quarantine: `SELECT q."table", q.position, q.key, q.raw, q.opened_tx, q.valid_from,
    coalesce(q.closed_tx, s.closed_tx) AS closed_tx, coalesce(q.valid_to, s.valid_to) AS valid_to, q.actor, q.command
FROM (${kept}) AS q LEFT JOIN (SELECT * FROM ${steps} WHERE known) AS s USING (position)
UNION ALL SELECT ${literal(table.table)}, s.position, s.key, s.state.raw, s.opened_tx, s.valid_from,
    s.closed_tx, s.valid_to, s.actor, s.command
FROM ${steps} AS s WHERE s.state.raw IS NOT NULL AND NOT s.known`,
    quarantineChanged: `SELECT count(*) > 0 AS changed FROM ${steps}
WHERE state.raw IS NOT NULL AND (NOT known OR closed_tx IS NOT NULL)`,
  };
}
