/**
 * JSON in, without the losses that JSON.parse is silent about: bytes that are no UTF-8 (U+FFFD), a member that stands
 * twice (the last wins), a number with more digits than a double holds (rounded, or Infinity).
 */
import { isUtf8 } from 'node:buffer';
import { Problem } from '#libs/problems';

/** Stands in a parsed body for a number that no double is equal to; `source` is what came. */
export class InexactNumber {
  constructor(readonly source: string) {}

  toJSON(): string {
    return this.source;
  }
}

/** An empty body is undefined. @throws Problem `malformed` */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  if (!isUtf8(body)) throw new Problem('malformed', 'The body is not UTF-8.');
  const text = body.toString().replace(/^\uFEFF/, '');
  const value = parsed(text);
  const twice = repeatedMember(text);
  if (twice === undefined) return value;
  throw new Problem('malformed', `The body has the member ${twice} twice in one object.`);
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
/** The reviver's third argument is ECMAScript 2026, and not in TypeScript's library yet. */
const parseWithSource = JSON.parse as (text: string, reviver?: Reviver) => unknown;

const mayBeInexact = /\d[\d.]{15}|\d[eE]/;

function parsed(text: string): unknown {
  try {
    return parseWithSource(text, mayBeInexact.test(text) ? keepInexact : undefined);
  } catch (error) {
    throw new Problem('malformed', `The body is no JSON: ${(error as Error).message}.`);
  }
}

const keepInexact: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined && digits(source) !== digits(String(value))
    ? new InexactNumber(source)
    : value;

/** A number's significant digits and power of ten: equal texts are equal numbers. */
function digits(text: string): string {
  const [, whole, fraction = '', power = '0'] = /^-?(\w+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const significant = all.replace(/0+$/, '');
  return significant && `${significant}e${Number(power) - fraction.length + all.length - significant.length}`;
}

const tokens = /"(?:[^"\\]+|\\.)*"|[{}:]/g;

/** The first member name that stands twice in one object of a well-formed text. */
function repeatedMember(text: string): string | undefined {
  const open: Set<string>[] = [];
  let last = '';
  for (const [token] of text.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token !== ':') last = token;
    else if (open.at(-1)!.has(JSON.parse(last) as string)) return last;
    else open.at(-1)!.add(JSON.parse(last) as string);
  }
  return undefined;
}
