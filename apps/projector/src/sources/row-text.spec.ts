import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Tuple } from '#libs/postgres-replication';
import { fieldName, RowTextWriter } from './row-text.js';

const writer = new RowTextWriter();

function tupleOf(values: readonly (string | null)[]): Tuple {
  const parts = values.map((value) => Buffer.from(value ?? ''));
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, { length }) => sum + length, 3));
  return {
    bytes: Buffer.concat([Buffer.from('\0"\0'), ...parts]),
    size: ends.at(-1)! - 3,
    isNull: (column: number) => values[column] === null,
    start: (column: number) => ends[column]! - parts[column]!.length,
    end: (column: number) => ends[column]!,
    text: (column: number) => values[column]!,
  } as Tuple;
}

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', '/', '\0', '\n', '\u001f', ' ', '\u007f', 'a', 'ü', '\u2028', '💥') }),
  fc.constantFrom('x'.repeat(8190), '"'.repeat(8193), 'ü'.repeat(5000)),
);
const fields = fc.uniqueArray(fc.tuple(texts, fc.option(texts)), {
  selector: ([name]) => name,
  maxLength: 12,
  minLength: 1,
});

describe('a row’s text', () => {
  it('is what JSON.stringify makes of it, whatever the names and values', () => {
    fc.assert(
      fc.property(fields, (row) => {
        const tuple = tupleOf(row.map(([, value]) => value));
        const columns = row.map((_, column) => column);
        const written = row.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
        const names = row.map(([name]) => fieldName(name));
        expect(writer.row(tuple, columns, names)).toBe(`{${written.join(',')}}`);
        expect(writer.key(tuple, columns)).toBe(JSON.stringify(row.map(([, value]) => value)));
      }),
    );
  });

  it('has the columns that were asked for alone', () => {
    const tuple = tupleOf(['a', 'b', null]);
    const names = ['x', 'y', 'z'].map(fieldName);
    expect(writer.row(tuple, [2, 0], names)).toBe('{"z":null,"x":"a"}');
    expect(writer.row(tuple, [], names)).toBe('{}');
  });
});
