import { describe, expect, it } from '@jest/globals';
import { Problem } from '#libs/problems';
import { nextCursor } from './cursor.js';
import type { ListQuery, ListSpec } from './list-query.js';
import { parseListQuery } from './parse-list-query.js';
import { namedParameters, queryParameters } from './query-parameters.js';

const spec: ListSpec = {
  fields: [
    { name: 'id', type: 'text' },
    { name: 'name', type: 'text', nullable: true },
    { name: 'storeys', type: 'smallint' },
    { name: 'height', type: 'numeric(5,2)', nullable: true },
    { name: 'opened', type: 'date' },
    { name: 'listed', type: 'boolean' },
  ],
  key: ['id'],
  otherParameters: ['as_of'],
};

const parse = (search: string, scope?: string) => parseListQuery(queryParameters(`/v1/x?${search}`), spec, scope);

/** The filters as text, for reading. */
const filtersOf = (search: string) =>
  parse(search).filters.map((filter) => [
    filter.field.name,
    filter.operator,
    filter.operator === 'in' ? filter.values : filter.value,
  ]);

function problemOf(work: () => unknown): Problem {
  try {
    work();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('No problem was found.');
}

const errorsOf = (search: string) => problemOf(() => parse(search)).parts.errors ?? [];

describe('the list grammar', () => {
  it('lists fifty rows by key where nothing is said', () => {
    expect(parse('')).toMatchObject({ filters: [], fields: null, limit: 50, skip: 0, count: false, after: null });
    expect(parse('').sort).toEqual([{ field: spec.fields[0], descending: false }]);
  });

  it('reads a bare name as equals and a suffix as the operator, values in canonical text', () => {
    expect(
      filtersOf('height[gte]=003.5&storeys=07&name[contains]=50%25_a&opened[lt]=2004-02-29&listed[ne]=true'),
    ).toEqual([
      ['height', 'gte', '3.50'],
      ['storeys', 'eq', '7'],
      ['name', 'contains', '50%_a'],
      ['opened', 'lt', '2004-02-29'],
      ['listed', 'ne', 'true'],
    ]);
  });

  it('joins conditions on one field', () => {
    expect(filtersOf('storeys[gt]=1&storeys[lt]=9')).toHaveLength(2);
  });

  it('splits the list of in at commas but escaped ones', () => {
    expect(filtersOf('name[in]=CS,Math')).toEqual([['name', 'in', ['CS', 'Math']]]);
    expect(filtersOf(String.raw`name[in]=a\,b,c\\,,d`)).toEqual([['name', 'in', ['a,b', 'c\\', '', 'd']]]);
    expect(filtersOf('name[in]=,a')).toEqual([['name', 'in', ['', 'a']]]);
    expect(filtersOf('name[in]=')).toEqual([['name', 'in', ['']]]);
    expect(errorsOf(String.raw`name[in]=a\b`)).toMatchObject([{ parameter: 'name[in]', code: 'malformed' }]);
  });

  it('takes a comma and a backslash as they stand elsewhere', () => {
    expect(filtersOf(String.raw`name=a\,b`)).toEqual([['name', 'eq', String.raw`a\,b`]]);
  });

  it('completes the order with the key', () => {
    const order = (search: string) => parse(search).sort.map((key) => [key.field.name, key.descending]);
    expect(order('sort=-height,name')).toEqual([
      ['height', true],
      ['name', false],
      ['id', false],
    ]);
    expect(order('sort=-id')).toEqual([['id', true]]);
    expect(order('sort=name,id,height')).toEqual([
      ['name', false],
      ['id', false],
    ]);
  });

  it('takes the order of the list where nothing is said', () => {
    const { sort } = parseListQuery([], { ...spec, defaultSort: '-storeys,name' });
    expect(sort.map((key) => [key.field.name, key.descending])).toEqual([
      ['storeys', true],
      ['name', false],
      ['id', false],
    ]);
  });

  it('answers with chosen fields in their own sequence', () => {
    expect(parse('fields=height,id').fields).toEqual(['id', 'height']);
  });

  it('leaves the parameters of the endpoint alone', () => {
    expect(parse('as_of=whatever').filters).toEqual([]);
  });
});

describe('a list that cannot be', () => {
  it('names every problem at once', () => {
    const problem = problemOf(() =>
      parse('storeys[lt]=70000&opened=2001-02-29&sort=-nonsense&limit=0&name[is_null]=1'),
    );
    expect([problem.code, problem.status]).toEqual(['invalid', 422]);
    expect(problem.parts.errors).toEqual([
      {
        parameter: 'storeys[lt]',
        code: 'out-of-range',
        detail: 'storeys[lt] cannot be "70000": storeys is smallint.',
        got: '70000',
        wanted: 'an integer from -32768 to 32767',
      },
      expect.objectContaining({ parameter: 'opened', code: 'out-of-range', got: '2001-02-29' }),
      expect.objectContaining({ parameter: 'name[is_null]', code: 'wrong-type', wanted: 'true or false' }),
      expect.objectContaining({ parameter: 'sort', code: 'unknown-field', got: '-nonsense' }),
      expect.objectContaining({ parameter: 'limit', code: 'out-of-range', wanted: 'an integer from 1 to 1000' }),
    ]);
  });

  it.each([
    'nonsense=1',
    'name[like]=a',
    'name[eq]=a',
    'storeys[contains]=1',
    'listed[gt]=true',
    'name[in][in]=a',
    'Name=a',
    '__proto__=a',
    '=a',
  ])('refuses the unknown parameter of %s', (search) => {
    const problem = problemOf(() => parse(`${search}&limit=0`));
    expect([problem.code, problem.status]).toEqual(['unknown-parameter', 400]);
    expect(problem.parts.errors).toHaveLength(2);
  });

  it.each([
    ['name=a&name=b', 'name'],
    ['limit=1&limit=1', 'limit'],
    ['sort=name,-name', 'sort'],
    ['fields=id,id', 'fields'],
  ])('refuses the repetition in %s', (search, parameter) => {
    expect(errorsOf(search)).toMatchObject([{ parameter, code: 'repeated' }]);
  });

  it.each(['limit=1001', 'limit=1.5', 'limit=', 'skip=10001', 'skip=-1', 'count=yes', 'sort=', 'fields=', 'sort=--id'])(
    'refuses %s',
    (search) => {
      expect(errorsOf(search)).toMatchObject([{ parameter: search.split('=')[0] }]);
    },
  );

  it('refuses what does not decode, and U+0000', () => {
    expect(errorsOf('name=%ff')).toMatchObject([{ parameter: 'name', code: 'malformed', got: 'name=%ff' }]);
    expect(errorsOf('name=a%00b')).toMatchObject([{ parameter: 'name', code: 'wrong-type' }]);
  });
});

describe('a cursor', () => {
  const first = parse('height[gte]=1&name[in]=a,b&sort=-height&limit=2');
  const row = { id: 'B1', height: null, name: 'ignored' };

  it('leads on from the row that it was made of, and brings the pin back', () => {
    const cursor = nextCursor(first, row, '4711');
    const next = parse(`name[in]=b,a&height[gte]=1.00&sort=-height&limit=7&count=true&cursor=${cursor}`);
    expect(next).toMatchObject({ after: [null, 'B1'], pin: '4711', limit: 7 });
  });

  const refusals: [string, ListQuery, string, string][] = [
    ['another filter', first, 'height[gte]=2&name[in]=a,b&sort=-height', ''],
    ['a filter less', first, 'height[gte]=1&sort=-height', ''],
    ['another order', first, 'height[gte]=1&name[in]=a,b&sort=height', ''],
    ['another scope', parse('', 'versions=all'), '', 'versions=current'],
  ];
  it.each(refusals)('is refused with %s', (_, made, search, scope) => {
    const problem = problemOf(() => parse(`${search}&cursor=${nextCursor(made, row)}`, scope));
    expect([problem.code, problem.status]).toEqual(['cursor-mismatch', 400]);
  });

  it.each([
    ['no base64', 'a.b'],
    ['no JSON', Buffer.from('{').toString('base64url')],
    ['another shape', Buffer.from('{"a":1}').toString('base64url')],
    ['nothing', ''],
  ])('is refused if it is %s', (_, cursor) => {
    expect(problemOf(() => parse(`cursor=${cursor}`)).code).toBe('cursor-mismatch');
  });

  it('is refused if a forged value does not fit its column', () => {
    const made = parse('sort=opened');
    const forged = nextCursor(made, { opened: "2001-02-30'", id: 'B1' });
    expect(problemOf(() => parse(`sort=opened&cursor=${forged}`)).code).toBe('cursor-mismatch');
    const missing = nextCursor(made, { opened: '2001-02-03' });
    expect(problemOf(() => parse(`sort=opened&cursor=${missing}`)).code).toBe('cursor-mismatch');
  });

  it('is not combined with skip', () => {
    expect(errorsOf(`skip=1&cursor=${nextCursor(parse(''), row)}`)).toMatchObject([{ parameter: 'skip' }]);
  });
});

describe('the parameters of another resource', () => {
  it('are given by name', () => {
    expect([...namedParameters([['as_of', '1']], ['as_of', 'wait'])]).toEqual([['as_of', '1']]);
  });

  it('are refused where unknown or repeated, all at once', () => {
    const pairs: [string, string][] = [
      ['as_of', '1'],
      ['as_of', '2'],
      ['gpa', '3'],
    ];
    const problem = problemOf(() => namedParameters(pairs, ['as_of']));
    expect(problem.code).toBe('unknown-parameter');
    expect(problem.parts.errors).toMatchObject([
      { parameter: 'as_of', code: 'repeated', got: '2' },
      { parameter: 'gpa', code: 'unknown-parameter', wanted: 'one of as_of' },
    ]);
  });
});
