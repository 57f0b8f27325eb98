/**
 * The database as applications use it: three connections whose transactions overlap. After each commit all tables are read
 * whole: what the lake must say follows from those states, and from nothing that the log said.
 */
import pg from 'pg';
import { excludes, sqlOf } from './statement-sql.js';
import type { Control, Statement } from './steps.js';
import type { Text, World } from './worlds.js';

export type Row = Readonly<Record<string, Text>>;

/** What was true once a transaction, or a snapshot, had ended. Values are Postgres' texts. */
export interface Moment {
  /** Low 32 bits of its id, as the changelog names it; of a snapshot, where it was taken. */
  readonly of: { readonly txId: string } | { readonly consistentPoint: number };
  /** Whether it changed a table's columns. */
  readonly altered: boolean;
  /** Source table → its rows, with all columns that it had. */
  readonly tables: Readonly<Record<string, readonly Row[]>>;
  /** What the transaction appended to the table of events, in order. */
  readonly events: readonly { readonly stream_id: string; readonly metadata: string }[];
}

/** Everything as the text that the server sent. */
const asText = { getTypeParser: () => (value: unknown) => value } as unknown as pg.CustomTypesConfig;

class Session {
  open = false;
  exclusive = false;
  altered = false;
  savepoints: string[] = [];
  constructor(readonly client: pg.Client) {}
}

export class Source {
  readonly moments: Moment[] = [];
  /** What was done, for whoever must understand a failure. */
  readonly transcript: string[] = [];
  private unique = 0;
  private readonly eventsSeen = new Set<string>();

  private constructor(
    private readonly world: World,
    private readonly sessions: readonly Session[],
    private readonly reader: pg.Client,
  ) {}

  static async open(url: string, world: World): Promise<Source> {
    const connect = async () => {
      const client = new pg.Client({
        connectionString: url,
        options: '-c timezone=UTC -c lock_timeout=20',
        types: asText,
      });
      await client.connect();
      return client;
    };
    const sessions = [];
    for (let i = 0; i < 3; i++) sessions.push(new Session(await connect()));
    return new Source(world, sessions, await connect());
  }

  async close(): Promise<void> {
    for (const { client } of [...this.sessions, { client: this.reader }]) await client.end();
  }

  note(line: string): void {
    this.transcript.push(line);
  }

  /**
   * One that fails undoes its transaction, or what came after the last savepoint. One that needs a table for itself would
   * hardly ever get it: the others' transactions end first.
   */
  async execute(statement: Statement): Promise<void> {
    const session = this.sessions[statement.session]!;
    if (excludes(statement)) for (const other of this.sessions) if (other !== session) await this.commit(other);
    await this.begin(session);
    session.exclusive ||= excludes(statement);
    session.altered ||= statement.do.endsWith(' column');
    try {
      for (const sql of sqlOf(statement, this.world, ++this.unique)) await this.query(session, sql);
    } catch (error) {
      this.note(`-- ${(error as Error).message}`);
      await this.control({
        session: statement.session,
        do: session.savepoints.length ? 'roll back to savepoint' : 'roll back',
      });
    }
  }

  async control({ session: index, do: what }: Control): Promise<void> {
    const session = this.sessions[index]!;
    if (what === 'commit') return this.commit(session);
    if (what === 'roll back') return this.end(session, 'ROLLBACK');
    await this.begin(session);
    if (what === 'do nothing') await this.query(session, 'SELECT pg_current_xact_id()');
    if (what === 'savepoint') {
      session.savepoints.push(`s${++this.unique}`);
      await this.query(session, `SAVEPOINT ${session.savepoints.at(-1)}`);
    } else if (session.savepoints.length > 0) {
      if (what === 'roll back to savepoint') await this.query(session, `ROLLBACK TO ${session.savepoints.at(-1)}`);
      if (what === 'release savepoint') await this.query(session, `RELEASE ${session.savepoints.pop()}`);
    }
  }

  async commitAll(): Promise<void> {
    for (const session of this.sessions) await this.commit(session);
  }

  /** One statement as a transaction of its own, of which no moment is kept. */
  async run(sql: string): Promise<void> {
    await this.query(this.sessions[0]!, sql);
  }

  /** What a snapshot finds that is taken now. No transaction may be open. */
  async found(consistentPoint: number): Promise<void> {
    this.note(`-- snapshot at ${consistentPoint}`);
    this.moments.push({ of: { consistentPoint }, altered: false, ...(await this.state()) });
  }

  /** The one row of an answer. */
  async ask(sql: string): Promise<Text[]> {
    return (await this.reader.query({ text: sql, rowMode: 'array' })).rows[0] as Text[];
  }

  /** What the tables hold now. */
  now(): Promise<Pick<Moment, 'tables' | 'events'>> {
    return this.state();
  }

  /** An LSN at or behind the end of the last commit, and flushed: there is a commit behind it. */
  async logEnd(): Promise<string> {
    const { rows } = await this.reader.query('SELECT pg_current_wal_insert_lsn() AS lsn');
    await this.reader.query(`SELECT pg_logical_emit_message(false, 'laws', '', true)`);
    return rows[0].lsn;
  }

  async confirmed(slot: string): Promise<string | null> {
    const { rows } = await this.reader.query(
      `SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots WHERE slot_name = '${slot}'`,
    );
    return rows[0]?.lsn ?? null;
  }

  private async begin(session: Session): Promise<void> {
    if (session.open) return;
    await this.query(session, 'BEGIN');
    session.open = true;
  }

  private async commit(session: Session): Promise<void> {
    if (!session.open) return;
    if (!session.exclusive) await this.endExclusive(session);
    const { rows } = await session.client.query('SELECT pg_current_xact_id_if_assigned() AS xid');
    const { altered } = session;
    await this.end(session, 'COMMIT');
    if (rows[0].xid === null) return;
    const txId = String(BigInt(rows[0].xid) & 0xffff_ffffn);
    this.note(`-- committed ${txId}`);
    this.moments.push({ of: { txId }, altered, ...(await this.state()) });
  }

  /** Ends who locks others out of reading: the state could not be read, and no source starts. */
  async endExclusive(but?: Session): Promise<void> {
    for (const session of this.sessions) if (session !== but && session.exclusive) await this.commit(session);
  }

  private async end(session: Session, sql: 'COMMIT' | 'ROLLBACK'): Promise<void> {
    if (session.open) await this.query(session, sql);
    Object.assign(session, { open: false, exclusive: false, altered: false, savepoints: [] });
  }

  private async query(session: Session, sql: string): Promise<void> {
    this.note(`${this.sessions.indexOf(session)}: ${sql}`);
    await session.client.query(sql);
  }

  private async state(): Promise<Pick<Moment, 'tables' | 'events'>> {
    const names = this.world.tables.map(({ table }) => table.table);
    const selects = names.map((name) => `SELECT * FROM ${name}`);
    const events = `SELECT stream_id, version, metadata FROM ${this.world.catalog.events!.table} ORDER BY sequence`;
    const results = await this.reader.query([...selects, events].join('; '));
    const rows = (results as unknown as pg.QueryResult[]).map((result) => result.rows);
    const news = (rows.pop() as Moment['events'][number][]).filter(
      (event) => !this.eventsSeen.has(JSON.stringify(event)),
    );
    for (const event of news) this.eventsSeen.add(JSON.stringify(event));
    return { tables: Object.fromEntries(names.map((name, i) => [name, rows[i]! as Row[]])), events: news };
  }
}
