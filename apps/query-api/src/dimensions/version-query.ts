/** Reading versions at a cut. What is read depends on the changes up to the cut alone: later ends are not shown. */
import { keyColumns, type Table } from '#libs/catalog';
import { duckDbList, pageOf, type Filter, type ListField, type ListQuery } from '#libs/list-query';
import { identifier, literal } from '#libs/scd2';
import type { AnswerCut } from '../as-of/answer.js';
import type { ReadSession, SqlValue } from '../follower/reader.js';
import { canonicalTextOf, jsonValue, type JsonScalar } from '../values/value-codec.js';
import { versionFields, type VersionField } from './version-fields.js';

export type VersionRow = Readonly<Record<string, JsonScalar>>;

export interface VersionPage {
  readonly data: readonly VersionRow[];
  readonly page: { readonly next_cursor: string | null; readonly total?: number };
}

/** Which versions of a table. */
export interface Scope {
  readonly table: Table;
  /** Every version that there was, or those in force. */
  readonly versions: 'all' | 'in-force';
  /** Canonical texts of the one key that is asked for. */
  readonly key?: readonly string[];
}

/** A filter for each column of the key; `texts` are canonical. */
export const keyFilters = (table: Table, texts: readonly string[]): Filter[] =>
  keyColumns(table).map((field, i) => ({ field, operator: 'eq', value: texts[i]! }));

/** `pin` goes into the cursor of the next page. */
export async function readPage(
  session: ReadSession,
  cut: AnswerCut,
  scope: Scope,
  query: ListQuery,
  pin: string,
): Promise<VersionPage> {
  const fields = versionFields(scope.table);
  const shown = fields.filter(({ name }) => query.fields?.includes(name) ?? true);
  const rows = await select(session, cut, scope, query, [...shown, ...query.sort.map(({ field }) => field)]);
  const { rows: page, nextCursor } = pageOf(query, rows, (row) => sortTexts(query, row), pin);
  const total = query.count ? { total: await count(session, cut, scope, query) } : {};
  return { data: page.map((row) => shownRow(shown, row)), page: { next_cursor: nextCursor, ...total } };
}

/** The version of a key that is in force; null if none is. */
export async function readVersion(
  session: ReadSession,
  cut: AnswerCut,
  table: Table,
  keyTexts: readonly string[],
): Promise<VersionRow | null> {
  const fields = versionFields(table);
  const relation = relationOf(session, cut, { table, versions: 'in-force', key: keyTexts });
  const [row] = await session.rows(`SELECT ${columns(fields)} FROM ${relation} WHERE ${isKey(table, keyTexts)}`);
  return row ? shownRow(fields, row) : null;
}

/** Of literals: a statement with parameters is planned two times, without them and with. */
const isKey = (table: Table, texts: readonly string[]): string =>
  keyColumns(table)
    .map(({ name, type }, i) => `${identifier(name)} = ${literal(texts[i]!)}${type === 'text' ? '' : `::${type}`}`)
    .join(' AND ');

async function select(
  session: ReadSession,
  cut: AnswerCut,
  scope: Scope,
  query: ListQuery,
  fields: readonly ListField[],
): Promise<Record<string, SqlValue>[]> {
  const { from, orderBy, limit } = duckDbList(query);
  const relation = relationOf(session, cut, scope);
  const sql = `SELECT ${columns(fields)} FROM ${relation} WHERE ${from.sql} ORDER BY ${orderBy} ${limit}`;
  return session.rows(sql, from.parameters);
}

async function count(session: ReadSession, cut: AnswerCut, scope: Scope, query: ListQuery): Promise<number> {
  const { filter } = duckDbList(query);
  const sql = `SELECT count(*) AS total FROM ${relationOf(session, cut, scope)} WHERE ${filter.sql}`;
  const [row] = await session.rows(sql, filter.parameters);
  return Number(row!['total']);
}

const columns = (fields: readonly ListField[]): string =>
  [...new Set(fields.map(({ name }) => `"${name}"`))].join(', ');

/**
 * The versions at a cut. Behind the present, ends that came later are taken away: an answer at a position must never
 * change, and pages of one list must agree with each other.
 */
function relationOf(session: ReadSession, cut: AnswerCut, { table, versions, key }: Scope): string {
  const isPast = cut.position < session.cut.position;
  if (versions === 'in-force' && !isPast) return session.current(table, key);
  const relation = versions === 'all' ? session.versions(table, key) : session.asOf(table, cut.position, key);
  if (!isPast) return relation;
  const ended = `closed_tx <= ${cut.position}`;
  return `(SELECT * REPLACE (
    CASE WHEN ${ended} THEN valid_to END AS valid_to,
    CASE WHEN ${ended} THEN closed_tx END AS closed_tx,
    coalesce(NOT (${ended}), true) AS is_current
  ) FROM ${relation} WHERE opened_tx <= ${cut.position})`;
}

const shownRow = (fields: readonly VersionField[], row: Record<string, SqlValue>): VersionRow =>
  Object.fromEntries(fields.map(({ name, shown }) => [name, jsonValue(shown, row[name]!)]));

const sortTexts = ({ sort }: ListQuery, row: Record<string, SqlValue>): Record<string, string | null> =>
  Object.fromEntries(sort.map(({ field }) => [field.name, canonicalTextOf(field.type, row[field.name]!)]));
