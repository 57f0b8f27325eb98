/** What the versions of a table are asked for, from parameters to answer. */
import type { Table } from '#libs/catalog';
import { namedParameters, parseListQuery, type ListQuery, type ListSpec } from '#libs/list-query';
import { invalid } from '#libs/problems';
import { answerAt, type Answered } from '../as-of/answer.js';
import { pinnedTiming, pinOf, readTiming, timingParameters, type Timing } from '../as-of/timing.js';
import type { Reader } from '../follower/reader.js';
import { absence, readKey } from './version-key.js';
import { keyFilters, readPage, readVersion, type Scope, type VersionPage, type VersionRow } from './version-query.js';

/** A request as these answers need it. */
export interface VersionRequest {
  readonly parameters: readonly (readonly [string, string])[];
  /** The parts of the path by the names of the key's columns. */
  readonly path: Readonly<Record<string, string>>;
  /** The header `Consistency-Token`. */
  readonly token: string | undefined;
}

/** A page of the versions in force at the moment asked for, or of all up to then. */
export function listVersions(
  reader: Reader,
  table: Table,
  spec: ListSpec,
  request: VersionRequest,
): Promise<Answered<VersionPage>> {
  const scope = { table, versions: readVersions(request) };
  const { query, timing } = readList(request, spec, JSON.stringify([table.table, scope.versions]));
  return answerAt(reader, timing, (session, cut) => readPage(session, cut, scope, query, pinOf(cut, timing)));
}

/** The version of one key in force at the moment asked for. @throws Problem `not-found`, `quarantined` */
export function oneVersion(reader: Reader, table: Table, request: VersionRequest): Promise<Answered<VersionRow>> {
  const timing = readTiming(namedParameters(request.parameters, timingParameters), request.token);
  const key = readKey(table, request.path);
  return answerAt(reader, timing, async (session, cut) => {
    const row = key.errors.length > 0 ? null : await readVersion(session, cut, table, key.texts);
    if (!row) throw await absence(session, cut.position, key);
    return row;
  });
}

/** A page of all versions of one key. @throws Problem `not-found`, `quarantined` where it never had one */
export function versionHistory(
  reader: Reader,
  table: Table,
  spec: ListSpec,
  request: VersionRequest,
): Promise<Answered<VersionPage>> {
  const key = readKey(table, request.path);
  const { query, timing } = readList(request, spec, JSON.stringify([table.table, 'history', key.texts]));
  return answerAt(reader, timing, async (session, cut) => {
    if (key.errors.length > 0) throw await absence(session, cut.position, key);
    const scope = { table, versions: 'all', key: key.texts } as const;
    const read = (asked: ListQuery) => readPage(session, cut, scope, asked, pinOf(cut, timing));
    const ofKey = { ...query, filters: keyFilters(table, key.texts) };
    const page = await read({ ...ofKey, filters: [...ofKey.filters, ...query.filters] });
    if (page.data.length > 0) return page;
    // An empty page of a key that has versions is an answer; a key that never had one is none.
    const any = await read({ ...ofKey, after: null, skip: 0, limit: 1, count: false });
    if (any.data.length === 0) throw await absence(session, cut.position, key);
    return page;
  });
}

function readList(
  { parameters, token }: VersionRequest,
  spec: ListSpec,
  scope: string,
): { query: ListQuery; timing: Timing } {
  const query = parseListQuery(parameters, spec, scope);
  const timing = readTiming(new Map(parameters), token);
  return { query, timing: query.pin === null ? timing : pinnedTiming(timing, query.pin) };
}

function readVersions({ parameters }: VersionRequest): Scope['versions'] {
  const got = new Map(parameters).get('versions');
  if (got === undefined) return 'in-force';
  if (got === 'all') return 'all';
  const detail = `versions cannot be ${JSON.stringify(got)}.`;
  throw invalid([{ parameter: 'versions', code: 'not-a-choice', detail, got, wanted: 'all, or no such parameter' }]);
}
