import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DuckDBValue } from '@duckdb/node-api';
import fc from 'fast-check';
import type { ColumnType } from '#libs/catalog';
import { texts } from '../test/histories.js';
import { quoted } from '../test/subject.js';
import { TestDuckDb } from '../test/test-duckdb.js';
import { plainTyping } from './plain-typing.js';
import { typedSql } from './typing.js';

const runs = Number(process.env.RUNS ?? 8);
const seed = process.env.SEED ? { seed: Number(process.env.SEED) } : {};

let duckdb: TestDuckDb;
beforeAll(async () => {
  duckdb = await TestDuckDb.open();
});
afterAll(() => duckdb.close());

async function bySql(type: ColumnType, of: readonly string[]): Promise<DuckDBValue[]> {
  const values = of.map((text) => `(${quoted(text)})`).join(', ');
  const reader = await duckdb.connection.runAndReadAll(`SELECT ${typedSql('t', type)} FROM (VALUES ${values}) AS v(t)`);
  return reader.getRows().map(([value]) => value!);
}

const some = [...new Set(Object.values(texts).flatMap(({ good, odd }) => [...good, ...odd]))];

/** Like a value of some type, and often one. */
const text = fc.oneof(
  fc.constantFrom(...some),
  fc.stringMatching(/^-?0{0,3}[0-9]{0,40}[.]?[0-9]{0,6}0{0,3}$/),
  fc.stringMatching(/^[0-9]{4}-[01][0-9]-[0-3][0-9]$/),
  fc.stringMatching(/^[0-9]{4}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-6][0-9]:[0-6][0-9]([.][0-9]{1,7})?[+]00$/),
  fc.tuple(fc.constantFrom(...some), fc.constantFrom('\n', ' ', '\u0661', '0')).map((parts) => parts.join('')),
);

describe('typing in plain code', () => {
  it.each(Object.keys(texts) as ColumnType[])('gives what SQL does, for %s', async (type) => {
    const typing = plainTyping(type);
    const property = fc.asyncProperty(fc.array(text, { minLength: 200, maxLength: 200 }), async (of) => {
      expect(of.map((one) => [one, typing(one)])).toEqual((await bySql(type, of)).map((value, i) => [of[i], value]));
    });
    await fc.assert(property, { numRuns: runs, ...seed });
  });
});
