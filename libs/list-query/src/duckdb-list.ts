/** A list query in DuckDB's SQL: parameters are bound, names quoted, texts compared by bytes. */
import type { ColumnType } from '#libs/catalog';
import type { Filter, ListQuery, SortKey } from './list-query.js';

/** SQL with `?` for each of `parameters`, in their sequence. */
export interface SqlFragment {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

export interface DuckDbList {
  /** Condition of all rows of the list: what `count` counts. */
  readonly filter: SqlFragment;
  /** Condition of the rows from this page on. */
  readonly from: SqlFragment;
  readonly orderBy: string;
  /** One row more than the page has, to know of a next one. */
  readonly limit: string;
}

export function duckDbList(query: ListQuery): DuckDbList {
  const conditions = query.filters.map(condition);
  return {
    filter: all(conditions),
    from: all(query.after ? [...conditions, behind(query.sort, query.after)] : conditions),
    orderBy: query.sort
      .map(({ field, descending }) => `${quoted(field.name)} ${descending ? 'DESC' : 'ASC'} NULLS LAST`)
      .join(', '),
    limit: `LIMIT ${query.limit + 1} OFFSET ${query.skip}`,
  };
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Values are canonical texts of the column's type, so that the cast is exact. */
const bound = (type: ColumnType): string => (type === 'text' ? '?' : `CAST(? AS ${type})`);

const all = (fragments: readonly SqlFragment[]): SqlFragment =>
  fragments.length === 0 ? { sql: 'true', parameters: [] } : joined(fragments, ' AND ');

function joined(fragments: readonly SqlFragment[], operator: string): SqlFragment {
  return {
    sql: fragments.map(({ sql }) => (fragments.length === 1 ? sql : `(${sql})`)).join(operator),
    parameters: fragments.flatMap(({ parameters }) => parameters),
  };
}

const signs = { eq: '=', ne: '<>', gt: '>', gte: '>=', lt: '<', lte: '<=' };

function condition(filter: Filter): SqlFragment {
  const name = quoted(filter.field.name);
  const value = bound(filter.field.type);
  switch (filter.operator) {
    case 'is_null':
      return { sql: `${name} IS ${filter.value ? '' : 'NOT '}NULL`, parameters: [] };
    case 'in':
      return { sql: `${name} IN (${filter.values.map(() => value).join(', ')})`, parameters: filter.values };
    case 'contains':
    case 'starts_with':
      return { sql: `${filter.operator}(${name}, ?)`, parameters: [filter.value] };
    default:
      return { sql: `${name} ${signs[filter.operator]} ${value}`, parameters: [filter.value] };
  }
}

/**
 * Rows behind a place in the order: further on in the first sort key, or equal in it and behind in the others.
 * Nulls are last, so that nothing is further on than a null.
 */
function behind(sort: readonly SortKey[], after: readonly (string | null)[]): SqlFragment {
  const [first, ...others] = sort as [SortKey, ...SortKey[]];
  const text = after[0] ?? null;
  const further = text === null ? [] : [furtherThan(first, text)];
  if (others.length === 0) return joined(further, ' OR ');
  const tie = all([sameAs(first, text), behind(others, after.slice(1))]);
  const place = joined([...further, tie], ' OR ');
  return text === null || first.field.nullable ? place : all([notBefore(first, text), place]);
}

/** Says nothing new, but lets a zone map skip what an OR does not. */
const notBefore = ({ field, descending }: SortKey, text: string): SqlFragment => ({
  sql: `${quoted(field.name)} ${descending ? '<=' : '>='} ${bound(field.type)}`,
  parameters: [text],
});

const sameAs = ({ field }: SortKey, text: string | null): SqlFragment =>
  text === null
    ? { sql: `${quoted(field.name)} IS NULL`, parameters: [] }
    : { sql: `${quoted(field.name)} = ${bound(field.type)}`, parameters: [text] };

function furtherThan({ field, descending }: SortKey, text: string): SqlFragment {
  const name = quoted(field.name);
  const comparison = `${name} ${descending ? '<' : '>'} ${bound(field.type)}`;
  return { sql: field.nullable ? `${comparison} OR ${name} IS NULL` : comparison, parameters: [text] };
}
