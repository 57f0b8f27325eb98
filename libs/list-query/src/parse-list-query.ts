/**
 * The grammar of lists:
 *
 *     ?gpa[gte]=3.5&major[in]=CS,Math&last_name[contains]=mc&sort=-gpa,id&fields=id,gpa&limit=50&cursor=…&count=true
 *
 * A bare name means equals. Conditions are joined by AND; no parameter is given twice. In a list of `in` a comma that
 * belongs to a value is written `\,` and a backslash `\\`; everywhere else a value is taken as it stands.
 */
import type { ParameterName } from '#libs/catalog';
import { canonicalText } from './column-value.js';
import { fingerprint, readCursor } from './cursor.js';
import { distinctParameters, type Complain } from './query-parameters.js';
import { refusal, type ParameterError } from './refusal.js';
import {
  defaultLimit,
  maximumLimit,
  maximumSkip,
  operatorsOf,
  type Filter,
  type ListField,
  type ListQuery,
  type ListSpec,
  type Operator,
  type SortKey,
} from './list-query.js';

type Read<T> = (parameter: string, got: string, complain: Complain) => T | undefined;

const reserved: readonly ParameterName[] = ['sort', 'fields', 'limit', 'skip', 'count', 'cursor'];

/**
 * `scope`: whatever else decides which rows the list has (a path, a parameter of the endpoint's own). A cursor made
 * under another scope is refused.
 * @throws Problem naming every problem.
 */
export function parseListQuery(parameters: Iterable<readonly [string, string]>, spec: ListSpec, scope = ''): ListQuery {
  const errors: ParameterError[] = [];
  const complain: Complain = (error) => void errors.push(error);
  const given = distinctParameters(parameters, complain);
  const read = <T>(name: string, reader: Read<T>): T | undefined =>
    given.has(name) ? reader(name, given.get(name)!, complain) : undefined;

  const filters = [...given]
    .filter(([name]) => ![...reserved, ...(spec.otherParameters ?? [])].some((other) => other === name))
    .flatMap(([name, value]) => readFilter(name, value, spec, complain) ?? []);
  const sort = completed(read('sort', sortReader(spec)) ?? defaultSort(spec), spec);
  const query = {
    filters,
    sort,
    fields: read('fields', fieldsReader(spec)) ?? null,
    limit: read('limit', integerReader(1, maximumLimit)) ?? defaultLimit,
    skip: read('skip', integerReader(0, maximumSkip)) ?? 0,
    count: read('count', readBoolean) ?? false,
    after: null,
    pin: null,
    fingerprint: fingerprint(filters, sort, scope),
  };
  if (query.skip > 0 && given.has('cursor')) complain(skipWithCursor(given.get('skip')!));
  // A cursor is compared with filters and order: where those are wrong, only they are worth telling.
  const place = errors.length === 0 ? read('cursor', cursorReader(query)) : undefined;
  if (errors.length > 0) throw refusal(errors);
  return { ...query, ...place };
}

const filterName = /^([^[\]]+)(?:\[([a-z_]+)\])?$/;

function readFilter(name: string, got: string, spec: ListSpec, complain: Complain): Filter | undefined {
  const [, fieldName, suffix = 'eq'] = filterName.exec(name) ?? [];
  const field = spec.fields.find((candidate) => candidate.name === fieldName);
  const operator = field && operatorsOf(field).find((candidate) => candidate === suffix);
  if (!operator || name.endsWith('[eq]')) return complain(unknownParameter(name, got, spec, field));
  if (operator === 'is_null') {
    const value = readBoolean(name, got, complain);
    return value === undefined ? undefined : { field, operator, value };
  }
  if (operator === 'in') {
    const values = splitList(name, got, complain)?.map((text) => readValue(name, text, field, complain));
    return values?.every((text) => text !== undefined) ? { field, operator, values } : undefined;
  }
  const value = readValue(name, got, field, complain);
  return value === undefined ? undefined : { field, operator, value };
}

const namesOf = (field: ListField): string[] =>
  operatorsOf(field).map((operator: Operator) => (operator === 'eq' ? field.name : `${field.name}[${operator}]`));

function unknownParameter(parameter: string, got: string, spec: ListSpec, field?: ListField): ParameterError {
  const known = field
    ? namesOf(field)
    : [...spec.fields.map(({ name }) => name), ...reserved, ...(spec.otherParameters ?? [])];
  const detail = `${parameter} is no parameter of this list.`;
  return { parameter, code: 'unknown-parameter', detail, got, wanted: known.join(', ') };
}

function readValue(parameter: string, got: string, field: ListField, complain: Complain): string | undefined {
  const read = canonicalText(field.type, got);
  if (typeof read === 'string') return read;
  const detail = `${parameter} cannot be ${JSON.stringify(got)}: ${field.name} is ${field.type}.`;
  return complain({ parameter, code: read.code, detail, got, wanted: read.wanted });
}

/** Splits at commas; `\,` is a comma and `\\` a backslash of a value. */
function splitList(parameter: string, got: string, complain: Complain): string[] | undefined {
  if (!/^(?:[^\\]|\\[\\,])*$/.test(got)) {
    const detail = `${parameter} has a backslash that escapes nothing.`;
    return complain({
      parameter,
      code: 'malformed',
      detail,
      got,
      wanted: 'values joined by commas, with \\, and \\\\ inside a value',
    });
  }
  const values = [''];
  for (const [token] of got.matchAll(/\\?./gsu)) {
    if (token === ',') values.push('');
    else values.push(values.pop()! + token.replace(/^\\/, ''));
  }
  return values;
}

/**
 * The key makes every order total: pages of a partial order would repeat and lose rows. What follows a whole key decides
 * nothing, and goes: so the last sort key is never null.
 */
function completed(sort: readonly SortKey[], { fields, key }: ListSpec): SortKey[] {
  const names = sort.map(({ field }) => field.name);
  const rest = key.filter((name) => !names.includes(name));
  const whole = rest.length === 0 ? Math.max(...key.map((name) => names.indexOf(name))) + 1 : sort.length;
  const completion = rest.map((name) => ({ field: fields.find((field) => field.name === name)!, descending: false }));
  return [...sort.slice(0, whole), ...completion];
}

const sortReader =
  (spec: ListSpec): Read<SortKey[]> =>
  (parameter, got, complain) => {
    const names = got.split(',').map((part) => part.replace(/^-/, ''));
    const fields = readNames(parameter, got, names, spec, complain);
    return fields?.map((field, i) => ({ field, descending: got.split(',')[i]!.startsWith('-') }));
  };

const defaultSort = (spec: ListSpec): SortKey[] =>
  (spec.defaultSort?.split(',') ?? []).map((part) => ({
    field: spec.fields.find((field) => field.name === part.replace(/^-/, ''))!,
    descending: part.startsWith('-'),
  }));

const fieldsReader =
  (spec: ListSpec): Read<string[]> =>
  (parameter, got, complain) => {
    const chosen = readNames(parameter, got, got.split(','), spec, complain);
    return chosen && spec.fields.filter((field) => chosen.includes(field)).map((field) => field.name);
  };

function readNames(
  parameter: string,
  got: string,
  names: readonly string[],
  spec: ListSpec,
  complain: Complain,
): ListField[] | undefined {
  const wanted = `${spec.fields.map(({ name }) => name).join(', ')}: each at most once, joined by commas`;
  const fields = names.flatMap((name) => spec.fields.find((field) => field.name === name) ?? []);
  if (fields.length < names.length) {
    const unknown = names.filter((name) => !spec.fields.some((field) => field.name === name));
    const detail = `${parameter} names no field of this list: ${unknown.map((name) => JSON.stringify(name)).join(', ')}.`;
    return complain({ parameter, code: 'unknown-field', detail, got, wanted });
  }
  if (new Set(fields).size === fields.length) return fields;
  return complain({ parameter, code: 'repeated', detail: `${parameter} names a field twice.`, got, wanted });
}

const integerReader =
  (least: number, most: number): Read<number> =>
  (parameter, got, complain) => {
    const wanted = `an integer from ${least} to ${most}`;
    const detail = `${parameter} cannot be ${JSON.stringify(got)}.`;
    if (!/^-?\d+$/.test(got)) return complain({ parameter, code: 'wrong-type', detail, got, wanted });
    const value = Number(got);
    return value >= least && value <= most ? value : complain({ parameter, code: 'out-of-range', detail, got, wanted });
  };

const readBoolean: Read<boolean> = (parameter, got, complain) => {
  if (got === 'true' || got === 'false') return got === 'true';
  const detail = `${parameter} cannot be ${JSON.stringify(got)}.`;
  return complain({ parameter, code: 'wrong-type', detail, got, wanted: 'true or false' });
};

const skipWithCursor = (got: string): ParameterError => ({
  parameter: 'skip',
  code: 'out-of-range',
  detail: 'skip counts from the start of the list; a cursor goes on from a place in it.',
  got,
  wanted: 'skip or cursor, not both',
});

const cursorReader =
  (query: Pick<ListQuery, 'sort' | 'fingerprint'>): Read<Pick<ListQuery, 'after' | 'pin'>> =>
  (parameter, got, complain) => {
    const place = readCursor(got, query.sort);
    if (place?.fingerprint === query.fingerprint) return place;
    const detail = 'The cursor was not made by a page of this list with these filters and this order.';
    const wanted = 'next_cursor of the page before, with its filters and order unchanged';
    return complain({ parameter, code: 'cursor-mismatch', detail, got, wanted });
  };
