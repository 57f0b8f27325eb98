import type { IncomingHttpHeaders } from 'node:http';

type AnswerHeaders = IncomingHttpHeaders & Record<string, string | string[] | undefined>;

/** A service tells addresses as it knows them (`/v1/…`); outside they begin with the service's place under the origin. */
export function withPrefix(headers: AnswerHeaders, prefix: string): AnswerHeaders {
  const told = { ...headers };
  for (const name of ['location', 'content-location'] as const)
    if (typeof told[name] === 'string') told[name] = prefixed(told[name], prefix);
  // RFC 8288, "Link Serialisation in HTTP Headers": each target stands in angle brackets.
  const links = [told['link'] ?? []]
    .flat()
    .map((link) => link.replace(/<(\/[^>]*)>/g, (_, path) => `<${prefixed(path, prefix)}>`));
  return links.length > 0 ? { ...told, link: links.length === 1 ? links[0] : links } : told;
}

/** An absolute path of the service's own; another host's URL (`//host/…` too) and a relative reference stay. */
const prefixed = (address: string, prefix: string): string => (/^\/(?!\/)/.test(address) ? prefix + address : address);
