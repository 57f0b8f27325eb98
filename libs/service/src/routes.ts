/** The routes that a service knows, to tell "no such method" (405) from "no such resource" (404): Fastify does not. */
export class Routes {
  private readonly known: { readonly methods: readonly string[]; readonly path: RegExp }[] = [];

  /** `url` in Fastify's syntax: `/v1/buildings/:id`, `/docs/*`. */
  add(method: string | readonly string[], url: string): void {
    const path = url
      .split(/(:\w+|\*)/)
      .map((part, i) => (i % 2 === 0 ? part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : part === '*' ? '.*' : '[^/]+'))
      .join('');
    this.known.push({ methods: [method].flat(), path: new RegExp(`^${path}$`) });
  }

  /** The methods of a path without its query, in alphabetical order; none if nothing is there. */
  methodsOf(path: string): string[] {
    const found = this.known.filter((route) => route.path.test(path)).flatMap(({ methods }) => methods);
    return [...new Set(found)].sort();
  }
}
