/** Versions as entity tags (RFC 9110, 8.8.3) and the headers that name them. */
import { invalid } from '#libs/problems';

export const entityTag = (version: number): string => `"${version}"`;

const list = /^\s*(?:(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"\s*(?:,\s*|$))+$/;

/**
 * The versions that `If-Match` accepts; `*` accepts any version of something that exists. Weak tags, and tags that are
 * no version, match nothing (strong comparison).
 * @throws Problem if it is no list of entity tags
 */
export function ifMatch(header: string | undefined): readonly number[] | '*' | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  if (!list.test(header)) throw notTags(header);
  return [...header.matchAll(/(W\/)?"([^"]*)"/g)]
    .filter(([, weak, tag]) => !weak && /^[1-9]\d{0,9}$/.test(tag!))
    .map(([, , tag]) => Number(tag));
}

function notTags(got: string) {
  const wanted = 'entity tags like "3", separated by commas, or *';
  const detail = `If-Match is ${JSON.stringify(got)}; wanted is ${wanted}.`;
  return invalid([{ header: 'If-Match', code: 'wrong-format', detail, got, wanted }]);
}

/** Whether `If-None-Match` names the version (weak comparison): the client has it already. */
export function hasVersion(header: string | undefined, version: number): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || [...header.matchAll(/"[^"]*"/g)].some(([tag]) => tag === entityTag(version));
}
