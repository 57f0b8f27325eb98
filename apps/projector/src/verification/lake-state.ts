/**
 * What a table of the lake says at a position, from its files alone: folds, merges and rebuilds go on meanwhile, and what
 * they replace stays readable for the table's retention.
 *
 * Where the table is folded past the position, versions and quarantine themselves say what was in force then. Where it is
 * not yet, the changes in between go through the rule that folds and readers use, into the workspace.
 */
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { lakeTable, stateColumns, type Table } from '#libs/catalog';
import { loadSnapshot, NoSuchTable, type AddFile, type Snapshot } from '#libs/delta-log';
import {
  appIds,
  changelog,
  changelogTags,
  columnsSince,
  configuration,
  isInQuarantine,
  parquet,
  quarantine,
  quarantineGeneration,
  rowsOf,
} from '#libs/lake';
import {
  foldSql,
  identifier,
  literal,
  noQuarantineSql,
  noVersionsSql,
  openQuarantineSql,
  SeenColumns,
  stepsSql,
} from '#libs/scd2';
import { changelogOf } from './lake-position.js';
import { printedSql } from './printed-value.js';

/** The folds' history of a table was replaced again and again while it was read. */
export class TableInMotion extends Error {
  readonly code = 'table-in-motion';
  constructor(readonly table: string) {
    super(`${table} was rebuilt again and again while it was looked at. Verify again when that is over.`);
    this.name = 'TableInMotion';
  }
}

export interface LakeState {
  /** The catalog entry that made the table. */
  readonly table: Table;
  /** A query: `quarantined`, then each column as text (`columnAt`). A quarantined key's are what the source said. */
  readonly query: string;
}

/** Name of the column that is so many in the catalog entry; their own names may be any. */
export const columnAt = (index: number): string => `c${index}`;

/** In `duckdb`, whose table `lake_steps` it uses until the next call. */
export async function lakeStateAt(
  lake: string,
  configured: Table,
  position: number,
  duckdb: DuckDBConnection,
): Promise<LakeState> {
  const { versions, unknown } = await snapshotsOf(lake, configured, duckdb);
  const entry = versions.metadata.configuration[configuration.table];
  const table = entry ? (JSON.parse(entry) as Table) : configured;
  const files = filesOf(lake, table, versions, unknown);
  const fold = versions.transactions.get(appIds.fold) ?? 0;
  const columns = new SeenColumns(table, columnsSince(versions));
  const queries =
    fold < position
      ? await unfolded(lake, { table, fold, position, columns }, files, duckdb)
      : folded(fold, position, files);
  return {
    table,
    query: `${printedVersions(table, queries.open)}\nUNION ALL ${printedQuarantine(table, queries.unknown)}`,
  };
}

interface Snapshots {
  readonly versions: Snapshot;
  readonly unknown: Snapshot;
}

const attempts = 5;

/** A quarantine that is as new as the versions, and of their generation: a rebuild replaces both. */
async function snapshotsOf(lake: string, table: Table, duckdb: DuckDBConnection): Promise<Snapshots> {
  const load = async (name: string) => {
    const snapshot = await loadSnapshot(join(lake, name), duckdb);
    if (!snapshot) throw new NoSuchTable(join(lake, name));
    return snapshot;
  };
  let versions = await load(lakeTable(table));
  for (let attempt = 0; attempt < attempts; attempt++) {
    const unknown = await load(quarantine.name);
    const now = await load(lakeTable(table));
    if (quarantineGeneration(now) === quarantineGeneration(versions)) return { versions, unknown };
    versions = now;
  }
  throw new TableInMotion(lakeTable(table));
}

interface Relations {
  readonly open: string;
  readonly closed: string | null;
  readonly unknown: string;
}

function filesOf(lake: string, table: Table, versions: Snapshot, unknown: Snapshot): Relations {
  const inForce = ({ partitionValues }: AddFile) => partitionValues['is_current'] === 'true';
  const relation = (name: string, files: readonly AddFile[], extra?: string) =>
    files.length === 0
      ? null
      : parquet(
          files.map(({ path }) => join(lake, name, path)),
          extra,
        );
  const all = [...versions.files.values()];
  const own = [...unknown.files.values()].filter(isInQuarantine(table, quarantineGeneration(versions)));
  return {
    open: relation(lakeTable(table), all.filter(inForce)) ?? `(${noVersionsSql(table)})`,
    closed: relation(
      lakeTable(table),
      all.filter((file) => !inForce(file)),
    ),
    unknown: relation(quarantine.name, own, `${literal(table.table)} AS "table"`) ?? `(${noQuarantineSql()})`,
  };
}

/** Relations of the version rows and the quarantine rows that are in force at the position. */
interface InForce {
  readonly open: string;
  readonly unknown: string;
}

function folded(fold: number, position: number, { open, closed, unknown }: Relations): InForce {
  const at = `opened_tx <= ${position} AND (closed_tx IS NULL OR closed_tx > ${position})`;
  const since = closed && fold > position ? `\nUNION ALL BY NAME SELECT * FROM ${closed} WHERE ${at}` : '';
  return {
    open: `(SELECT * FROM ${open} WHERE ${at}${since})`,
    unknown: `(SELECT * FROM ${unknown} WHERE ${at})`,
  };
}

async function unfolded(
  lake: string,
  { table, fold, position, columns }: { table: Table; fold: number; position: number; columns: SeenColumns },
  { open, unknown }: Relations,
  duckdb: DuckDBConnection,
): Promise<InForce> {
  const files = [...(await changelogOf(lake, duckdb)).files.values()].filter(
    ({ tags }) =>
      Number(tags![changelogTags.lastPosition]) > fold && Number(tags![changelogTags.firstPosition]) <= position,
  );
  const changes = `(SELECT position, tx_position, effective_at, op, key, after, actor, command
    FROM ${parquet(files.map(({ path }) => join(lake, changelog.name, path)))}
    WHERE "table" = ${literal(table.table)} AND position > ${fold} AND position <= ${position})`;
  const [row] = await rowsOf(duckdb, `SELECT count(*) AS count FROM ${changes} WHERE op = 't'`);
  const rest = `(${openQuarantineSql(table, unknown, fold)})`;
  await columns.seeAll(duckdb, changes);
  const steps = stepsSql(table, { changes, since: columns.since, open, rest, truncated: row!.count !== 0n });
  await duckdb.run(`CREATE OR REPLACE TABLE rows.lake_steps AS ${steps}`);
  const queries = foldSql(table, { steps: 'rows.lake_steps', open, quarantine: unknown, foldPosition: fold });
  return {
    open: `(${queries.open})`,
    unknown: `(SELECT * FROM (${queries.quarantine}) WHERE closed_tx IS NULL)`,
  };
}

function printedVersions(table: Table, relation: string): string {
  const columns = table.columns.map(({ name, type }, i) => `${printedSql(identifier(name), type)} AS ${columnAt(i)}`);
  return `SELECT false AS quarantined, ${columns.join(', ')} FROM ${relation}`;
}

function printedQuarantine(table: Table, relation: string): string {
  const state = new Set(stateColumns(table).map(({ name }) => name));
  const columns = table.columns.map(({ name }, i) => {
    const [json, path] = state.has(name)
      ? ['raw', `$.${JSON.stringify(name)}`]
      : ['key', `$[${table.key.indexOf(name)}]`];
    return `json_extract_string(${json}, ${literal(path)}) AS ${columnAt(i)}`;
  });
  return `SELECT true AS quarantined, ${columns.join(', ')} FROM ${relation}`;
}
