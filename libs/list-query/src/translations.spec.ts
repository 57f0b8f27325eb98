import { describe, expect, it } from '@jest/globals';
import { nextCursor } from './cursor.js';
import { duckDbList } from './duckdb-list.js';
import type { ListSpec } from './list-query.js';
import { nextPageUrl } from './page.js';
import { parseListQuery } from './parse-list-query.js';
import { prismaList, textOfPrisma } from './prisma-list.js';
import { queryParameters } from './query-parameters.js';

const spec: ListSpec = {
  fields: [
    { name: 'id', type: 'text' },
    { name: 'gpa', type: 'numeric(3,2)', nullable: true },
    { name: 'born', type: 'date' },
  ],
  key: ['id'],
};
const parse = (search: string) => parseListQuery(queryParameters(`/?${search}`), spec);

/** The page behind a row. */
function behind(search: string, row: Record<string, string | null>) {
  return parse(`${search}&cursor=${nextCursor(parse(search), row)}`);
}

describe('a list in DuckDB', () => {
  it('binds every value and casts it to its column', () => {
    expect(duckDbList(parse("gpa[in]=3.5,4&id[contains]=%25'&born[is_null]=false&limit=10&skip=3"))).toEqual({
      filter: {
        sql: '("gpa" IN (CAST(? AS numeric(3,2)), CAST(? AS numeric(3,2)))) AND (contains("id", ?)) AND ("born" IS NOT NULL)',
        parameters: ['3.50', '4.00', "%'"],
      },
      from: expect.objectContaining({ parameters: ['3.50', '4.00', "%'"] }),
      orderBy: '"id" ASC NULLS LAST',
      limit: 'LIMIT 11 OFFSET 3',
    });
  });

  it('goes on behind a value, then among the nulls', () => {
    expect(duckDbList(behind('sort=-gpa', { gpa: '3.50', id: 'B' })).from).toEqual({
      sql: '("gpa" < CAST(? AS numeric(3,2)) OR "gpa" IS NULL) OR (("gpa" = CAST(? AS numeric(3,2))) AND ("id" > ?))',
      parameters: ['3.50', '3.50', 'B'],
    });
    expect(duckDbList(behind('sort=-gpa', { gpa: null, id: 'B' })).from).toEqual({
      sql: '("gpa" IS NULL) AND ("id" > ?)',
      parameters: ['B'],
    });
  });
});

describe('a list in Prisma', () => {
  it('keeps the wildcards of LIKE literal', () => {
    expect(prismaList(parse(String.raw`id[contains]=50%25_\ `)).filter).toEqual({
      id: { contains: String.raw`50\%\_\\ ` },
    });
  });

  it('takes dates as midnight in UTC, decimals as text', () => {
    expect(prismaList(parse('born[gte]=0001-01-01&gpa=3.9')).filter).toEqual({
      AND: [{ born: { gte: new Date('0001-01-01T00:00:00Z') } }, { gpa: { equals: '3.90' } }],
    });
  });

  it('never compares a required field with null', () => {
    expect(prismaList(parse('born[is_null]=true')).filter).toEqual({ born: { in: [] } });
    expect(prismaList(parse('born[is_null]=false')).filter).toEqual({});
    expect(prismaList(parse('sort=-gpa')).findMany.orderBy).toEqual([
      { gpa: { sort: 'desc', nulls: 'last' } },
      { id: 'asc' },
    ]);
  });

  it('starts at the value of a first key that is never null', () => {
    expect(duckDbList(behind('sort=-born', { born: '2004-12-10', id: 'B' })).from.sql).toBe(
      '("born" <= CAST(? AS date)) AND (("born" < CAST(? AS date)) OR (("born" = CAST(? AS date)) AND ("id" > ?)))',
    );
  });

  it('goes on behind a value, then among the nulls', () => {
    expect(prismaList(behind('sort=-gpa', { gpa: '3.50', id: 'B' })).findMany.where).toEqual({
      OR: [{ gpa: { lt: '3.50' } }, { gpa: null }, { AND: [{ gpa: '3.50' }, { OR: [{ id: { gt: 'B' } }] }] }],
    });
  });

  it('reads the texts of a cursor back from its values', () => {
    expect(textOfPrisma('date', new Date('2004-12-10T00:00:00Z'))).toBe('2004-12-10');
    expect(textOfPrisma('numeric(3,2)', { toFixed: (digits: number) => (3.9).toFixed(digits) })).toBe('3.90');
    expect(textOfPrisma('bigint', 9007199254740993n)).toBe('9007199254740993');
    expect(textOfPrisma('text', null)).toBeNull();
    expect(() => textOfPrisma('timestamptz', new Date())).toThrow('microseconds');
  });
});

describe('the address of the next page', () => {
  it('is the present one with the new cursor, and without skip', () => {
    expect(nextPageUrl('/v1/x?a%5Bin%5D=1,2&skip=5&sort=-a', 'ABC')).toBe('/v1/x?a%5Bin%5D=1,2&sort=-a&cursor=ABC');
    expect(nextPageUrl('/v1/x?cursor=AAA', 'ABC')).toBe('/v1/x?cursor=ABC');
    expect(nextPageUrl('/v1/x', 'ABC')).toBe('/v1/x?cursor=ABC');
  });
});
