import { describe, expect, it } from '@jest/globals';
import type { Catalog, Column, Table } from './catalog.js';
import { checkCatalog, InvalidCatalog } from './check-catalog.js';
import { parameterNames } from './parameter-names.js';

const column = (name: string, changes: Partial<Column> = {}): Column => ({
  name,
  type: 'text',
  label: name,
  description: name,
  ...changes,
});

const table = (changes: Partial<Table> = {}): Table => ({
  table: 'buildings',
  name: 'building',
  kind: 'dimension',
  key: ['campus', 'number'],
  columns: [column('campus'), column('number', { type: 'integer' }), column('height', { type: 'numeric(6,2)' })],
  label: 'Buildings',
  description: 'Where things are.',
  ...changes,
});

const withColumn = (name: string, changes: Partial<Column> = {}) =>
  table({ columns: [...table().columns, column(name, changes)] });

function problemsOf(...tables: Table[]): readonly string[] {
  return problemsOfAny({ name: 'estate', tables });
}

function problemsOfAny(catalog: unknown): readonly string[] {
  try {
    checkCatalog(catalog as Catalog);
    return [];
  } catch (error) {
    if (error instanceof InvalidCatalog) return error.problems;
    throw error;
  }
}

describe('a catalog', () => {
  it('is handed back as it is where nothing is wrong', () => {
    const catalog = { name: 'estate', tables: [table()], events: { table: 'log', key: ['id'] } };
    expect(checkCatalog(catalog)).toBe(catalog);
  });

  it('is told everything that is wrong with it at once', () => {
    const wrong = table({ key: ['campus', 'floor'], columns: [column('campus', { nullable: true }), column('state')] });
    expect(() => checkCatalog({ name: 'estate', tables: [wrong] })).toThrow(
      `The catalog estate cannot be used:
- buildings: key column floor is not among its columns
- buildings: column name state belongs to the engine; rename the column
- buildings: key column campus cannot be nullable`,
    );
  });

  it.each(parameterNames)('has no column named like the parameter %s of its lists', (name) => {
    expect(problemsOf(withColumn(name))).toEqual([
      `buildings: column name ${name} is a parameter of every list, so that no filter could name the column; rename it`,
    ]);
  });

  it('has no column that the lake names itself', () => {
    for (const name of ['building_key', 'valid_from', 'is_current', 'position', '__proto__'])
      expect(problemsOf(withColumn(name))).toEqual([
        `buildings: column name ${name} belongs to the engine; rename the column`,
      ]);
  });

  it('has a name of its own for each table and each row', () => {
    expect(problemsOf(table(), table())).toEqual([
      'table buildings is listed twice',
      'row name building is used by two tables',
    ]);
    expect(problemsOf(table({ table: 'sheep', name: 'sheep' }))).toEqual([
      "row name sheep is a table's name as well; operations are named after both",
    ]);
  });

  it('has decimals that the lake can hold', () => {
    expect(problemsOf(withColumn('worth', { type: 'numeric(39,2)' }))).toEqual([
      'buildings: column worth: numeric(39,2) is outside numeric(1..38, 0..precision)',
    ]);
    expect(problemsOf(withColumn('worth', { type: 'numeric(2,3)' }))).toHaveLength(1);
  });
});

describe('what is no catalog', () => {
  it('is told so in a sentence for each place', () => {
    const unlike = {
      ...table(),
      kind: 'cube',
      key: 'id',
      columns: [{ ...column('id'), type: 'varchar', nullable: 1 }],
    };
    expect(problemsOfAny({ name: 'estate', tables: [unlike] })).toEqual([
      'tables[0].kind is "cube"; wanted is dimension or relationship',
      'tables[0].key is "id"; wanted is a list of names',
      'tables[0].columns[0].type is "varchar"; wanted is one of text, boolean, smallint, integer, bigint, date, timestamptz, numeric(precision,scale)',
      'tables[0].columns[0].nullable is 1; wanted is true or false',
    ]);
    expect(problemsOfAny({ name: 'estate' })).toEqual(['tables is missing; wanted is a list of tables']);
    expect(problemsOfAny({ name: 'estate', tables: [] })).toEqual(['tables is []; wanted is at least one table']);
  });

  it.each([undefined, null, 7, () => {}])('is refused, whatever it is: %p', (value) => {
    expect(problemsOfAny(value)).toEqual([expect.stringMatching(/^the catalog is .*; wanted is an object with name/)]);
  });
});
