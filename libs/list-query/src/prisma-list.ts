/** A list query as plain objects for Prisma's `findMany` and `count`, and the way back from its values to texts. */
import type { ColumnType } from '#libs/catalog';
import { numericShape } from './column-value.js';
import type { Filter, ListQuery, SortKey } from './list-query.js';

type PrismaWhere = Record<string, unknown>;

export interface PrismaList {
  /** Condition of all rows of the list: what `count` counts. */
  readonly filter: PrismaWhere;
  readonly findMany: {
    readonly where: PrismaWhere;
    readonly orderBy: Record<string, unknown>[];
    /** One row more than the page has, to know of a next one. */
    readonly take: number;
    readonly skip: number;
  };
}

/** The model's fields must have the names of the list's. Texts compare by the columns' collation, which must be C. */
export function prismaList(query: ListQuery): PrismaList {
  const conditions = query.filters.map(condition);
  return {
    filter: all(conditions),
    findMany: {
      where: all(query.after ? [...conditions, behind(query.sort, query.after)] : conditions),
      orderBy: query.sort.map(({ field, descending }) => {
        const sort = descending ? 'desc' : 'asc';
        return { [field.name]: field.nullable ? { sort, nulls: 'last' } : sort };
      }),
      take: query.limit + 1,
      skip: query.skip,
    },
  };
}

/** The canonical text of a value that Prisma read from a column of `type`, for `nextCursor`. */
export function textOfPrisma(type: ColumnType, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (type === 'date') return (value as Date).toISOString().slice(0, 10);
  if (type.startsWith('numeric'))
    return (value as { toFixed(digits: number): string }).toFixed(numericShape(type).scale);
  if (type === 'timestamptz') throw microsecondsLost();
  return String(value);
}

/** A canonical text as Prisma takes it. Decimals stay text: a number would round them. */
function prismaValue(type: ColumnType, text: string): unknown {
  switch (type) {
    case 'date':
      return new Date(`${text}T00:00:00Z`);
    case 'boolean':
      return text === 'true';
    case 'smallint':
    case 'integer':
      return Number(text);
    case 'bigint':
      return BigInt(text);
    case 'timestamptz':
      throw microsecondsLost();
    default:
      return text;
  }
}

const microsecondsLost = () =>
  new TypeError('Prisma reads a timestamptz into a Date, which cuts its microseconds; list it by SQL.');

const all = (conditions: readonly PrismaWhere[]): PrismaWhere =>
  conditions.length === 1 ? conditions[0]! : conditions.length === 0 ? {} : { AND: conditions };

/** An empty `OR` would do at the top, but inside another `OR` Prisma drops it. */
const nothing = (name: string): PrismaWhere => ({ [name]: { in: [] } });

function condition(filter: Filter): PrismaWhere {
  const { name, type, nullable } = filter.field;
  switch (filter.operator) {
    case 'is_null':
      // Prisma refuses to compare a required field with null.
      if (!nullable) return filter.value ? nothing(name) : {};
      return { [name]: filter.value ? null : { not: null } };
    case 'in':
      return { [name]: { in: filter.values.map((text) => prismaValue(type, text)) } };
    case 'contains':
    case 'starts_with':
      return { [name]: { [filter.operator === 'contains' ? 'contains' : 'startsWith']: literal(filter.value) } };
    default: {
      const operator = { eq: 'equals', ne: 'not', gt: 'gt', gte: 'gte', lt: 'lt', lte: 'lte' }[filter.operator];
      return { [name]: { [operator]: prismaValue(type, filter.value) } };
    }
  }
}

/** Prisma hands the text to LIKE with its wildcards alive (prisma/orm#19506); LIKE's escape is the backslash. */
const literal = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

/** As in `duckdb-list.ts`: further on in the first sort key, or equal in it and behind in the others; nulls are last. */
function behind(sort: readonly SortKey[], after: readonly (string | null)[]): PrismaWhere {
  const [first, ...others] = sort as [SortKey, ...SortKey[]];
  const { name, type, nullable } = first.field;
  const value = after[0] === null ? null : prismaValue(type, after[0]!);
  const further: PrismaWhere[] =
    value === null
      ? []
      : [{ [name]: { [first.descending ? 'lt' : 'gt']: value } }, ...(nullable ? [{ [name]: null }] : [])];
  const tie = others.length > 0 ? [all([{ [name]: value }, behind(others, after.slice(1))])] : [];
  const place = { OR: [...further, ...tie] };
  if (value === null || nullable || others.length === 0) return place;
  // Says nothing new, but lets an index start where an OR does not.
  return { AND: [{ [name]: { [first.descending ? 'lte' : 'gte']: value } }, place] };
}
