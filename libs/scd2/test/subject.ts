import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Table } from '#libs/catalog';
import { foldSql } from '../src/fold.js';
import { noQuarantineSql, openQuarantineSql } from '../src/quarantine.js';
import type { ChangeRow } from '../src/typed-change.js';
import { allVersionsSql, asOfSql, currentSql, quarantinedSql } from '../src/read-view.js';
import { compactSql, forgetSql, loadSql, memoryDdl } from '../src/reader-memory.js';
import { MemoryRefresh } from '../src/refresh.js';
import { SeenColumns, type ColumnsSince } from '../src/seen-columns.js';
import { stepsSql } from '../src/steps.js';
import { identifier } from '../src/typing.js';
import { noVersionsSql, versionColumns } from '../src/version.js';
import type { Change } from './change.js';
import { replay, type Interval } from './oracle.js';
import type { TestDuckDb } from './test-duckdb.js';

export const quoted = (text: string | null) => (text === null ? 'NULL' : `'${text.replaceAll("'", "''")}'`);

/** By plain code, unless something does not type. */
export type Way = 'plainly' | 'by SQL';

/** Columns as text; instants in microseconds. */
export function columnTexts(of: Table, names: readonly string[]): string {
  const instants = [
    'valid_from',
    'valid_to',
    ...of.columns.filter(({ type }) => type === 'timestamptz').map(({ name }) => name),
  ];
  return names
    .map((name) => (instants.includes(name) ? `epoch_us(${identifier(name)})` : identifier(name)))
    .map((column) => `${column}::VARCHAR`)
    .join(', ');
}

const quarantineColumns = 'table position key raw opened_tx valid_from closed_tx valid_to actor command'.split(' ');

/** One table: its changelog, its lake, and a reader that follows. */
export class Subject {
  static #count = 0;
  readonly #name = `subject_${++Subject.#count}`;
  #files = { closed: '', open: '', quarantine: '' };
  #generation = 0;
  #stored: string[] = [];
  #memory: MemoryRefresh;
  /** As the fold's commit says. */
  #since: ColumnsSince = new Map();
  applied = 0;
  folded = 0;

  constructor(
    private readonly duckdb: TestDuckDb,
    readonly table: Table,
    readonly changes: readonly Change[],
    readonly parquet: boolean,
  ) {
    this.#memory = new MemoryRefresh(duckdb.connection, table, this.#since);
  }

  async start(): Promise<this> {
    await this.duckdb.connection.run('ROLLBACK').catch(() => {}); // what a failed case left open would fail all that shrink it
    await this.duckdb.connection
      .run(`CREATE OR REPLACE TABLE changelog (position BIGINT, tx_position BIGINT, effective_at TIMESTAMPTZ,
      op VARCHAR, key VARCHAR, after VARCHAR, actor VARCHAR, command VARCHAR)`);
    const values = this.changes
      .toReversed()
      .map(({ position, tx, at, op, key, after, actor, command }) =>
        [
          ...[position, tx, `make_timestamptz(${at})`, quoted(op), quoted(key && JSON.stringify(key))],
          ...[quoted(after && JSON.stringify(after)), quoted(actor), quoted(command)],
        ].join(', '),
      );
    if (values.length > 0) await this.duckdb.connection.run(`INSERT INTO changelog VALUES (${values.join('), (')})`);
    this.#files = {
      closed: await this.#store(noVersionsSql(this.table)),
      open: await this.#store(noVersionsSql(this.table)),
      quarantine: await this.#store(noQuarantineSql()),
    };
    await this.restart();
    return this;
  }

  async #store(sql: string): Promise<string> {
    const name = `${this.#name}_${++this.#generation}`;
    const file = join(this.duckdb.folder, `${name}.parquet`);
    await this.duckdb.connection.run(
      this.parquet ? `COPY (${sql}) TO '${file}' (FORMAT parquet, COMPRESSION zstd)` : `CREATE TABLE ${name} AS ${sql}`,
    );
    this.#stored.push(this.parquet ? file : name);
    return this.parquet ? `read_parquet('${file}')` : name;
  }

  /** The lake's quarantine is of all tables; the others' rows are nothing to this one. */
  #quarantine(): string {
    const other = `'others', 1, '["1", "2", "3"]', '{}', 0, to_timestamp(0), NULL, NULL, NULL, NULL`;
    return `(SELECT * FROM ${this.#files.quarantine} UNION ALL SELECT ${other})`;
  }

  async end(): Promise<void> {
    for (const name of this.#stored) await (this.parquet ? rm(name) : this.duckdb.connection.run(`DROP TABLE ${name}`));
  }

  #between(from: number, to: number): string {
    return `(SELECT * FROM changelog WHERE position > ${from} AND position <= ${to})`;
  }

  /** Where the table's transactions after `from` may be cut. */
  cuts(from = 0, upto = Infinity): number[] {
    return [...new Set(this.changes.map(({ cut }) => cut))].filter((cut) => cut > from && cut <= upto);
  }

  /** A reader starts on the files as they are; what they have not folded it reads again. */
  async restart(): Promise<void> {
    const fold = { open: this.#files.open, quarantine: this.#quarantine(), foldPosition: this.folded };
    for (const sql of [...memoryDdl(this.table), ...loadSql(this.table, fold)]) await this.duckdb.connection.run(sql);
    this.#memory = new MemoryRefresh(this.duckdb.connection, this.table, this.#since);
    const upto = this.applied;
    this.applied = this.folded;
    if (upto > this.applied) await this.refreshTo(upto, 'by SQL');
  }

  async refreshTo(cut: number, way: Way, outcome: 'COMMIT' | 'ROLLBACK' = 'COMMIT'): Promise<void> {
    await this.duckdb.connection.run('BEGIN');
    await this.#refresh(cut, way);
    await this.duckdb.connection.run(outcome);
    if (outcome === 'COMMIT') this.applied = cut;
  }

  async #refresh(cut: number, way: Way): Promise<void> {
    const changes = this.#between(this.applied, cut);
    await this.#memory.apply({ changes, ...(way === 'plainly' && { rows: await this.#rows(changes) }) });
  }

  async #rows(changes: string): Promise<ChangeRow[]> {
    const columns =
      'position, tx_position AS "txPosition", epoch_us(effective_at) AS "effectiveAt", op, key, after, actor, command';
    const reader = await this.duckdb.connection.runAndReadAll(`SELECT ${columns} FROM ${changes}`);
    return reader.getRowObjects() as unknown as ChangeRow[];
  }

  /**
   * A fold publishes the quarantine first; where it crashes after that, it has changed nothing that anybody may see. The
   * reader takes it over together with what it reads up to `reach`, and may compact in the same transaction.
   */
  async foldTo(cut: number, { crashes = false, compacts = false, reach = this.applied } = {}): Promise<void> {
    const [open, quarantine] = [this.#files.open, this.#quarantine()];
    const truncated = this.changes.some(({ op, cut: at }) => op === 't' && at > this.folded && at <= cut);
    const unknown = `(${openQuarantineSql(this.table, quarantine, this.folded)})`;
    const changes = this.#between(this.folded, cut);
    const columns = new SeenColumns(this.table, this.#since);
    await columns.seeAll(this.duckdb.connection, changes);
    const source = { changes, since: columns.since, open, rest: unknown, truncated };
    await this.duckdb.connection.run(`CREATE OR REPLACE TEMP TABLE fold_steps AS ${stepsSql(this.table, source)}`);
    const fold = foldSql(this.table, { steps: 'fold_steps', open, quarantine, foldPosition: this.folded });
    const [[changed]] = (await this.duckdb.rows(fold.quarantineChanged)) as unknown as [[boolean]];
    if (changed) this.#files.quarantine = await this.#store(fold.quarantine);
    if (crashes) return;
    this.#files.closed = await this.#store(`SELECT * FROM ${this.#files.closed} UNION ALL ${fold.closed}`);
    this.#files.open = await this.#store(fold.open);
    await this.duckdb.connection.run('BEGIN');
    if (reach > this.applied) await this.#refresh(reach, 'plainly');
    const taken = [...forgetSql(this.table, cut), ...(compacts ? compactSql(this.table) : []), 'COMMIT'];
    for (const sql of taken) await this.duckdb.connection.run(sql);
    [this.folded, this.applied, this.#since] = [cut, reach, columns.since];
  }

  #text(): string {
    return columnTexts(this.table, [...versionColumns(this.table), 'is_current']);
  }

  /** Cuts to ask as of: now, at the fold, and two more, others each time. */
  #points(): number[] {
    const cuts = [0, ...this.cuts(0, this.applied)];
    const some = [this.folded, this.folded + this.applied].map((n) => cuts[(7 * n + 3) % cuts.length]!);
    return [...new Set([this.applied, this.folded, ...some])];
  }

  async #lines(sql: string): Promise<string[]> {
    return (await this.duckdb.rows(sql)).map((row) => JSON.stringify(row)).sort();
  }

  current(): Promise<string[]> {
    return this.#lines(`SELECT ${this.#text()} FROM (${currentSql(this.table)})`);
  }

  /** Everything a reader can be asked, and what the files hold beside its memory. */
  async answers(): Promise<Record<string, string[]>> {
    const [closed, quarantine] = [this.#files.closed, this.#quarantine()];
    const shown = (sql: string, extra = '') => this.#lines(`SELECT ${extra}${this.#text()} FROM (${sql})`);
    const asOf = await Promise.all(
      this.#points().map((p) =>
        shown(asOfSql(this.table, { closed: p >= this.folded ? null : closed }, p), `'${p}', `),
      ),
    );
    const intervals = quarantinedSql(this.table, { quarantine, foldPosition: this.folded });
    return {
      'all versions': await shown(allVersionsSql(this.table, { closed })),
      current: await this.current(),
      'as of': asOf.flat().sort(),
      'all versions, key by key': (await this.#keyByKey(closed)).sort(),
      'open in the files': await shown(`SELECT *, true AS is_current FROM ${this.#files.open}`),
      quarantine: await this.#lines(`SELECT ${columnTexts(this.table, quarantineColumns)} FROM (${intervals})`),
    };
  }

  /** All versions, each key's found by the memory's index. */
  async #keyByKey(closed: string): Promise<string[]> {
    const names = this.table.key.map(identifier);
    const texts = names.map((name) => `${name}::VARCHAR`).join(', ');
    const all = allVersionsSql(this.table, { closed });
    const keys = (await this.duckdb.rows(`SELECT DISTINCT ${texts} FROM (${all})`)) as string[][];
    const lines = [];
    for (const key of keys) {
      const same = names.map((name, i) => `${name}::VARCHAR = ${quoted(key[i]!)}`).join(' AND ');
      const versions = allVersionsSql(this.table, { closed, key });
      lines.push(...(await this.duckdb.rows(`SELECT ${this.#text()} FROM (${versions}) WHERE ${same}`)));
    }
    return lines.map((row) => JSON.stringify(row));
  }

  /** Versions and quarantine by surrogate key, as `key: first other column [from, to)`. */
  async lines(): Promise<string[]> {
    const { columns, key, name } = this.table;
    const [closed, quarantine] = [this.#files.closed, this.#quarantine()];
    const versions = allVersionsSql(this.table, { closed });
    const intervals = quarantinedSql(this.table, { quarantine, foldPosition: this.folded });
    const other = identifier(columns.find((column) => !key.includes(column.name))!.name);
    const told = await this.duckdb.rows(`
      SELECT ${name}_key, ${identifier(key[0]!)} || ': ' || coalesce(${other}::VARCHAR, 'NULL'), opened_tx, closed_tx
      FROM (${versions})
      UNION ALL SELECT position, (key->>'$[0]') || ': unknown', opened_tx, closed_tx FROM (${intervals}) ORDER BY 1`);
    return told.map(([position, text, from, to]) => `${position} ${text} [${from}, ${to ?? ''})`);
  }

  /** What the answers must be. */
  expected(): Record<string, string[]> {
    const { versions, unknown } = replay(
      this.table,
      this.changes.filter(({ cut }) => cut <= this.applied),
    );
    const lines = (of: (string | null)[][]) => of.map((row) => JSON.stringify(row)).sort();
    const row = (version: Interval) => versionRow(this.table, version);
    const shows = ({ opened, closed }: Interval, point: number) => opened.tx <= point && (!closed || closed.tx > point);
    const current = lines(versions.filter(({ closed }) => !closed).map(row));
    const all = lines(versions.map(row));
    const asOf = lines(
      this.#points().flatMap((p) => versions.filter((v) => shows(v, p)).map((v) => [String(p), ...row(v)])),
    );
    const open = versions
      .filter((version) => shows(version, this.folded))
      .map((version) => ({ ...version, closed: null }));
    return {
      ...{ 'all versions': all, 'all versions, key by key': all, current, 'as of': asOf },
      'open in the files': lines(open.map(row)),
      quarantine: lines(unknown.map((interval) => quarantineRow(this.table, interval))),
    };
  }
}

const end = (closed: Change | null): [string | null, string | null] =>
  closed ? [String(closed.at), String(closed.tx)] : [null, null];

function versionRow(of: Table, { keyMeaning, values, opened, closed }: Interval): (string | null)[] {
  const state = of.columns.filter(({ name }) => !of.key.includes(name)).map(({ name }) => name);
  const [validTo, closedTx] = end(closed);
  return [
    String(opened.position),
    ...of.columns.map(({ name }) =>
      of.key.includes(name) ? keyMeaning[of.key.indexOf(name)]! : values![state.indexOf(name)]!,
    ),
    ...[String(opened.at), validTo, String(opened.tx), closedTx, opened.actor, opened.command, String(!closed)],
  ];
}

function quarantineRow(of: Table, { key, raw, opened, closed }: Interval): (string | null)[] {
  const [validTo, closedTx] = end(closed);
  return [
    ...[
      of.table,
      String(opened.position),
      JSON.stringify(key),
      JSON.stringify(raw),
      String(opened.tx),
      String(opened.at),
    ],
    ...[closedTx, validTo, opened.actor, opened.command],
  ];
}
