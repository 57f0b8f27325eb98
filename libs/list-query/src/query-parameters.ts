import { refusal, type ParameterError } from './refusal.js';

export type Complain = (error: ParameterError) => undefined;

/**
 * The parameters of a URL's query in their sequence, `+` read as a space.
 * @throws Problem where an escape is no UTF-8: URLSearchParams would silently put U+FFFD in its place.
 */
export function queryParameters(url: string): [string, string][] {
  const [, search = ''] = /\?([^#]*)/.exec(url) ?? [];
  const errors: ParameterError[] = [];
  const decoded = search
    .split('&')
    .filter((part) => part !== '')
    .map((part): [string, string] => {
      const equals = part.includes('=') ? part.indexOf('=') : part.length;
      const name = unescaped(part.slice(0, equals));
      const value = unescaped(part.slice(equals + 1));
      if (name === null || value === null) errors.push(undecodable(part, equals));
      return [name ?? '', value ?? ''];
    });
  if (errors.length > 0) throw refusal(errors);
  return decoded;
}

function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return null;
  }
}

const undecodable = (part: string, equals: number): ParameterError => ({
  parameter: part.slice(0, equals),
  code: 'malformed',
  detail: `The query's part ${part} does not decode.`,
  got: part,
  wanted: 'percent-encoded UTF-8 (a literal % is written %25)',
});

/** Name → value; a name that stands twice is refused, since either value might be the one that was meant. */
export function distinctParameters(
  parameters: Iterable<readonly [string, string]>,
  complain: Complain,
): Map<string, string> {
  const given = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (!given.has(name)) given.set(name, value);
    else complain(repeated(name, value));
  }
  return given;
}

const repeated = (name: string, got: string): ParameterError => ({
  parameter: name,
  code: 'repeated',
  detail: `${name} is given more than once.`,
  got,
  wanted: `${name} once; several values go into ${name.replace(/\[.*$/, '')}[in]`,
});

/**
 * The parameters of an operation that is no list.
 * @throws Problem naming every parameter that is not among `names`, or stands twice.
 */
export function namedParameters(
  parameters: Iterable<readonly [string, string]>,
  names: readonly string[],
): ReadonlyMap<string, string> {
  const errors: ParameterError[] = [];
  const given = distinctParameters(parameters, (error) => void errors.push(error));
  for (const [parameter, got] of given) {
    if (names.includes(parameter)) continue;
    const detail = `${parameter} is no parameter of this resource.`;
    errors.push({ parameter, code: 'unknown-parameter', detail, got, wanted: `one of ${names.join(', ')}` });
  }
  if (errors.length > 0) throw refusal(errors);
  return given;
}
