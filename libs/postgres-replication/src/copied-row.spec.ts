import { describe, expect, it } from '@jest/globals';
import { parseCopiedRow } from './copied-row.js';

describe('a copied row', () => {
  it.each([
    ['a\tb\n', ['a', 'b']],
    ['\\N\t\n', [null, '']],
    ['\n', ['']],
    ['\\\\N\t\\\\\\N\n', ['\\N', '\\N']],
    ['a\\tb\\nc\\rd\\be\\ff\\vg\\\\h\n', ['a\tb\nc\rd\be\ff\vg\\h']],
    ['\\\\t\tü🎓\n', ['\\t', 'ü🎓']],
  ])('%j is %j', (line, values) => {
    expect(parseCopiedRow(line)).toEqual(values);
  });
});
