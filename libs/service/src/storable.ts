import type { ErrorPlace, ValueError } from '#libs/problems';
import { InexactNumber } from './json-body.js';

const deepest = 32;

/** Everything in a parsed body that no store keeps as it came, each under its JSON pointer. */
export function unstorable(value: unknown, pointer = '', depth = 0): ValueError[] {
  if (typeof value === 'string') return badText({ pointer }, pointer, value);
  if (value instanceof InexactNumber) return [inexact(pointer, value)];
  if (typeof value !== 'object' || value === null) return [];
  if (depth === deepest) return [tooDeep(pointer)];
  return Object.entries(value).flatMap(([name, part]) =>
    unstorable(part, `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1),
  );
}

/** Postgres keeps no U+0000 in a text, and UTF-8 has no lone surrogates: both would fail late or change on the way. */
export function badText(place: ErrorPlace, name: string, text: string): ValueError[] {
  const told = name === '' ? 'The body' : name;
  if (text.includes('\0'))
    return [
      { ...place, code: 'nul-character', detail: `${told} contains U+0000.`, got: text, wanted: 'text without U+0000' },
    ];
  if (text.isWellFormed()) return [];
  const detail = `${told} contains half of a surrogate pair.`;
  return [{ ...place, code: 'lone-surrogate', detail, got: text.toWellFormed(), wanted: 'well-formed Unicode text' }];
}

const inexact = (pointer: string, { source }: InexactNumber): ValueError => ({
  pointer,
  code: 'not-exact',
  detail: `${pointer} is ${source}, which would be rounded.`,
  got: source,
  wanted: 'a number that a double-precision number equals',
});

const tooDeep = (pointer: string): ValueError => ({
  pointer,
  code: 'too-deep',
  detail: `${pointer} is nested too deeply.`,
  wanted: `at most ${deepest} levels`,
});
