/** The captured database, changed by direct SQL and by nothing else, and remembered as it was after each transaction. */
import { encodeConsistencyToken } from '#libs/consistency-token';
import type { Table } from '#libs/catalog';
import pg from 'pg';
import type { Row } from './query-client.js';

const tables = `
  CREATE TABLE buildings (
    campus text, number integer, name text NOT NULL, height numeric, worth numeric(20,4), opened date,
    surveyed timestamptz, listed boolean, steps bigint, "order" smallint, plans text, remark text,
    PRIMARY KEY (campus, number));
  ALTER TABLE buildings ALTER plans SET STORAGE EXTERNAL;
  CREATE TABLE occupancies (
    since timestamptz, firm text, campus text, number integer, rent numeric(12,2),
    PRIMARY KEY (firm, campus, number, since),
    FOREIGN KEY (campus, number) REFERENCES buildings ON UPDATE CASCADE ON DELETE CASCADE);
  CREATE TABLE wardens (
    campus text, number integer, warden_name text, by_night boolean,
    PRIMARY KEY (campus, number, warden_name, by_night),
    FOREIGN KEY (campus, number) REFERENCES buildings ON UPDATE CASCADE ON DELETE CASCADE);
  CREATE TABLE meter_readings (id integer PRIMARY KEY);
  ALTER TABLE buildings REPLICA IDENTITY FULL;
  ALTER TABLE occupancies REPLICA IDENTITY FULL;
  ALTER TABLE wardens REPLICA IDENTITY FULL;
  CREATE PUBLICATION estate FOR TABLE buildings, occupancies, wardens, meter_readings;`;

/**
 * The rows of each table: the key as Postgres writes it, the row as the API does, and whether a value of it is none of its
 * type in the catalog.
 */
const states: Readonly<Record<string, string>> = {
  buildings: `SELECT ARRAY[campus, number::text] AS key,
      json_build_object('campus', campus, 'number', number, 'name', name, 'height', height, 'worth', worth::text,
        'opened', opened::text, 'surveyed', ${instant('surveyed')}, 'listed', listed, 'steps', steps::text,
        'order', "order", 'plans', plans) AS row,
      coalesce(height IN ('NaN', 'Infinity', '-Infinity') OR height <> round(height, 2) OR abs(height) >= 10000
        OR NOT isfinite(opened) OR opened NOT BETWEEN '0001-01-01' AND '9999-12-31' OR NOT isfinite(surveyed), false) AS unknown
    FROM buildings WHERE campus <> 'Bulk'`,
  occupancies: `SELECT ARRAY[firm, campus, number::text, since::text] AS key,
      json_build_object('since', coalesce(${instant('since')}, since::text), 'rent', rent, 'firm', firm, 'campus', campus,
        'number', number) AS row,
      NOT isfinite(since) AS unknown
    FROM occupancies`,
  wardens: `SELECT ARRAY[campus, number::text, warden_name, left(by_night::text, 1)] AS key,
      json_build_object('campus', campus, 'number', number, 'warden_name', warden_name, 'by_night', by_night) AS row,
      false AS unknown
    FROM wardens`,
};

function instant(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

export interface State {
  readonly key: readonly string[];
  readonly row: Row;
  readonly unknown: boolean;
}

/** A transaction and what was true once it had ended. */
export interface Moment {
  readonly name: string;
  /** Low 32 bits of its id, as the changelog names it. */
  readonly txId: string;
  readonly tables: Readonly<Record<string, readonly State[]>>;
  readonly token: string;
}

export class Source {
  readonly moments: Moment[] = [];

  private constructor(
    private readonly databaseUrl: string,
    readonly client: pg.Client,
  ) {}

  static async create(databaseUrl: string): Promise<Source> {
    const source = new Source(databaseUrl, await connect(databaseUrl));
    await source.client.query(tables);
    return source;
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  /** Commits the statements as one transaction. */
  async commit(name: string, ...statements: string[]): Promise<Moment> {
    return this.transaction(this.client, name, statements);
  }

  /** What is rolled back leaves no trace: as if nothing had been. */
  async rollBack(...statements: string[]): Promise<void> {
    await this.client.query('BEGIN');
    for (const statement of statements) await this.client.query(statement);
    await this.client.query('ROLLBACK');
    await this.commit('rolled back');
  }

  /** One transaction begins and writes before the other, and commits after it. */
  async interleave(first: string, second: string): Promise<void> {
    const other = await connect(this.databaseUrl);
    try {
      await other.query(`BEGIN; ${first}`);
      await this.commit('begun last, committed first', second);
      await this.transaction(other, 'begun first, committed last', []);
    } finally {
      await other.end();
    }
  }

  /** What a snapshot finds: the transactions before it leave no trace. */
  async found(): Promise<void> {
    this.moments.push({ ...(await this.moment(this.client, 'as it was found')), txId: '0' });
  }

  /** The rows of a table in its catalog's types, each value as Postgres writes it. */
  async texts({ table, columns }: Table): Promise<Row[]> {
    const values = columns.map(({ name, type }) => {
      const scale = /^numeric\(\d+,(\d+)\)$/.exec(type)?.[1];
      return `${scale ? `round("${name}", ${scale})` : `"${name}"`}::text AS "${name}"`;
    });
    return (await this.client.query(`SELECT ${values.join(', ')} FROM ${table}`)).rows as Row[];
  }

  private async transaction(client: pg.Client, name: string, statements: readonly string[]): Promise<Moment> {
    await client.query('BEGIN'); // no more than a warning where one is open
    for (const statement of statements) await client.query(statement);
    const moment = await this.moment(client, name);
    await client.query('COMMIT');
    this.moments.push(moment);
    return moment;
  }

  private async moment(client: pg.Client, name: string): Promise<Moment> {
    const now: Record<string, State[]> = {};
    for (const [table, sql] of Object.entries(states)) now[table] = (await client.query(sql)).rows as State[];
    const [token] = (
      await client.query(
        `SELECT system_identifier::text, (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline,
           current_database() AS database, pg_current_xact_id()::text AS xid, pg_current_wal_insert_lsn()::text AS lsn,
           ${instant('now()')} AS issued_at FROM pg_control_system()`,
      )
    ).rows;
    const txId = String(BigInt(token.xid) & 0xffff_ffffn);
    return { name, txId, tables: now, token: encodeConsistencyToken(token) };
  }
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query("SET TimeZone = 'UTC'");
  return client;
}
