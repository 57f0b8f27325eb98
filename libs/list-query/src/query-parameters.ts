import { refusal, type ParameterError } from './refusal.js';

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
