import type pg from 'pg';

export interface Problem {
  /** Stable name of what is wrong. */
  readonly problem:
    | 'server-version'
    | 'wal-level'
    | 'slot-keep-size'
    | 'replication-role'
    | 'publication-missing'
    | 'publication-operations'
    | 'table-missing'
    | 'table-unpublished'
    | 'row-filter'
    | 'column-unpublished'
    | 'primary-key'
    | 'replica-identity';
  readonly detail: string;
  readonly remedy: string;
}

/** The database cannot be captured completely as it is set up. Everything that is wrong, with what to do about each. */
export class SourceNotReady extends Error {
  readonly code = 'source-not-ready';
  constructor(readonly problems: readonly Problem[]) {
    super(
      `The source is not ready to be captured:\n${problems.map(({ detail, remedy }) => `- ${detail} ${remedy}`).join('\n')}`,
    );
    this.name = 'SourceNotReady';
  }
}

export interface CapturedTable {
  /** In schema `public`. */
  readonly table: string;
  readonly key: readonly string[];
  /** Whether old rows must come whole (REPLICA IDENTITY FULL), or their keys are enough. */
  readonly fullIdentity: boolean;
}

/** @throws SourceNotReady */
export async function checkPrerequisites(
  client: pg.Client,
  publication: string,
  tables: readonly CapturedTable[],
): Promise<void> {
  const server = await serverProblems(client);
  // an old server lacks what the other questions ask for
  if (server.some(({ problem }) => problem === 'server-version')) throw new SourceNotReady(server);
  const problems = [
    ...server,
    ...(await publicationProblems(client, publication, tables)),
    ...(await tableProblems(client, tables)),
  ];
  if (problems.length > 0) throw new SourceNotReady(problems);
}

const OLDEST_VERSION = 15;

async function serverProblems(client: pg.Client): Promise<Problem[]> {
  const [row] = (
    await client.query(
      `SELECT current_setting('server_version_num')::int / 10000 AS version, current_setting('wal_level') AS wal_level,
         current_setting('max_slot_wal_keep_size', true) AS keep_size, current_user AS role,
         (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS replication`,
    )
  ).rows;
  const problems: Problem[] = [];
  if (row.version < OLDEST_VERSION)
    problems.push({
      problem: 'server-version',
      detail: `The server is Postgres ${row.version}.`,
      remedy: `Upgrade it to ${OLDEST_VERSION} or later.`,
    });
  if (row.wal_level !== 'logical')
    problems.push({
      problem: 'wal-level',
      detail: `wal_level is ${row.wal_level}.`,
      remedy: 'Set wal_level = logical and restart the server.',
    });
  if (row.keep_size === '-1')
    problems.push({
      problem: 'slot-keep-size',
      detail: 'max_slot_wal_keep_size is -1: a projector that stays away would fill the disk of the server.',
      remedy: "Set max_slot_wal_keep_size to what the disk can spare, like '4GB', and reload.",
    });
  if (!row.replication)
    problems.push({
      problem: 'replication-role',
      detail: `Role ${row.role} may not replicate.`,
      remedy: `ALTER ROLE ${row.role} REPLICATION.`,
    });
  return problems;
}

async function publicationProblems(
  client: pg.Client,
  publication: string,
  tables: readonly CapturedTable[],
): Promise<Problem[]> {
  const [found] = (
    await client.query(
      `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AS whole FROM pg_publication WHERE pubname = $1`,
      [publication],
    )
  ).rows;
  const names = tables.map(({ table }) => table).join(', ');
  if (!found)
    return [
      {
        problem: 'publication-missing',
        detail: `Publication ${publication} does not exist.`,
        remedy: `CREATE PUBLICATION ${publication} FOR TABLE ${names}.`,
      },
    ];
  const operations: Problem = {
    problem: 'publication-operations',
    detail: `Publication ${publication} leaves out some operations.`,
    remedy: `ALTER PUBLICATION ${publication} SET (publish = 'insert, update, delete, truncate').`,
  };
  const published = await publishedTables(client, publication);
  return [
    ...(found.whole ? [] : [operations]),
    ...tables.flatMap((table) => coverageProblems(publication, table, published.get(table.table))),
  ];
}

function coverageProblems(publication: string, { table, key }: CapturedTable, found?: PublishedTable): Problem[] {
  if (!found)
    return [
      {
        problem: 'table-unpublished',
        detail: `Publication ${publication} does not cover table ${table}.`,
        remedy: `ALTER PUBLICATION ${publication} ADD TABLE ${table}.`,
      },
    ];
  const remedy = `ALTER PUBLICATION ${publication} DROP TABLE ${table}, then ADD TABLE ${table} without it.`;
  const filter: Problem = {
    problem: 'row-filter',
    detail: `Publication ${publication} has a row filter on ${table}: rows would be missing.`,
    remedy,
  };
  const missing = key.filter((column) => !found.columns.includes(column));
  return [
    ...(found.filtered ? [filter] : []),
    ...missing.map((column): Problem => ({
      problem: 'column-unpublished',
      detail: `Publication ${publication} leaves out key column ${column} of ${table}, or the table has none.`,
      remedy: `See that the table has it and that the publication's column list, if any, names it.`,
    })),
  ];
}

interface PublishedTable {
  readonly columns: readonly string[];
  readonly filtered: boolean;
  readonly partitioned: boolean;
}

/** What the publication sends of each table in schema `public`. */
export async function publishedTables(
  client: pg.Client,
  publication: string,
): Promise<ReadonlyMap<string, PublishedTable>> {
  const { rows } = await client.query(
    `SELECT tablename, attnames::text[] AS columns, rowfilter IS NOT NULL AS filtered,
       (SELECT relkind = 'p' FROM pg_class WHERE oid = format('%I.%I', schemaname, tablename)::regclass) AS partitioned
     FROM pg_publication_tables WHERE pubname = $1 AND schemaname = 'public'`,
    [publication],
  );
  return new Map(rows.map(({ tablename, ...table }) => [tablename, table]));
}

async function tableProblems(client: pg.Client, tables: readonly CapturedTable[]): Promise<Problem[]> {
  const { rows } = await client.query(
    `SELECT c.relname AS table, c.relreplident AS identity, array_agg(a.attname::text ORDER BY a.attname) AS key
     FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
       LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
       LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
     WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') GROUP BY c.oid, c.relname, c.relreplident`,
  );
  const found = new Map(rows.map(({ table, identity, key }) => [table, { identity, key }]));
  return tables.flatMap((table) => identityProblems(table, found.get(table.table)));
}

function identityProblems(
  { table, key, fullIdentity }: CapturedTable,
  found?: { identity: string; key: (string | null)[] },
): Problem[] {
  if (!found)
    return [{ problem: 'table-missing', detail: `There is no table public.${table}.`, remedy: 'Run the migrations.' }];
  const problems: Problem[] = [];
  if (JSON.stringify(found.key) !== JSON.stringify(key.toSorted()))
    problems.push({
      problem: 'primary-key',
      detail: `The primary key of ${table} is (${found.key.filter(Boolean).join(', ')}), the catalog's (${key.join(', ')}).`,
      remedy: `ALTER TABLE ${table} ADD PRIMARY KEY (${key.join(', ')}), or correct the catalog.`,
    });
  if (fullIdentity ? found.identity !== 'f' : !['f', 'd'].includes(found.identity))
    problems.push({
      problem: 'replica-identity',
      detail: `Table ${table} does not write its ${fullIdentity ? 'whole old rows' : 'old keys'} to the log.`,
      remedy: `ALTER TABLE ${table} REPLICA IDENTITY ${fullIdentity ? 'FULL' : 'DEFAULT'}.`,
    });
  return problems;
}
