/**
 * The services' OpenAPI documents as one: paths get the service's prefix; a component or an operation whose name two
 * services use for different things gets the service's label before it; what is equal in both stands there once.
 */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components?: Components;
  readonly tags?: readonly { readonly name: string }[];
  readonly [other: string]: unknown;
}
type Components = Readonly<Record<string, Readonly<Record<string, unknown>>>>;
type PathItem = Readonly<Record<string, unknown>>;

export interface ServiceDocument {
  readonly label: string;
  readonly prefix: string;
  readonly document: OpenApiDocument;
}

export function joinDocuments(
  services: readonly ServiceDocument[],
  info: Readonly<Record<string, string>>,
): OpenApiDocument {
  const ambiguous = ambiguousComponents(services);
  const operations = repeated(services.flatMap(({ document }) => operationIds(document)));
  const renamed = services.map((service) => rename(service, ambiguous, operations));
  const tags = new Map(services.flatMap(({ document }) => document.tags ?? []).map((tag) => [tag.name, tag]));
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    ...(tags.size > 0 && { tags: [...tags.values()] }),
    paths: Object.assign({}, ...renamed.map(({ paths }) => paths)),
    components: mergeSections(renamed.map(({ components }) => components ?? {})),
  };
}

const reference = (section: string, name: string) => `#/components/${section}/${name}`;

/**
 * References to components that mean different things in two documents. Equal text is not enough: two that refer to
 * something ambiguous differ as well, so this looks again until nothing is added.
 */
function ambiguousComponents(services: readonly ServiceDocument[]): ReadonlySet<string> {
  const texts = Map.groupBy(
    services.flatMap(({ document }) => componentTexts(document)),
    ([ref]) => ref,
  );
  const shared = [...texts].filter(([, found]) => found.length > 1);
  const ambiguous = new Set<string>();
  for (let before = -1; before < ambiguous.size;) {
    before = ambiguous.size;
    for (const [ref, found] of shared) {
      const differ = new Set(found.map(([, text]) => text)).size > 1;
      if (differ || [...ambiguous].some((other) => found[0]![1].includes(`"${other}"`))) ambiguous.add(ref);
    }
  }
  return ambiguous;
}

const componentTexts = (document: OpenApiDocument): [string, string][] =>
  Object.entries(document.components ?? {}).flatMap(([section, entries]) =>
    Object.entries(entries).map(([name, content]): [string, string] => [
      reference(section, name),
      JSON.stringify(content),
    ]),
  );

const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace']);

const operationIds = (document: OpenApiDocument): string[] =>
  Object.values(document.paths).flatMap((item) =>
    Object.entries(item).flatMap(([method, operation]) => {
      const id = methods.has(method) && (operation as { operationId?: string }).operationId;
      return id ? [id] : [];
    }),
  );

const repeated = (names: readonly string[]): ReadonlySet<string> =>
  new Set(names.filter((name, i) => names.indexOf(name) !== i));

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function rename(
  { label, prefix, document }: ServiceDocument,
  ambiguous: ReadonlySet<string>,
  operations: ReadonlySet<string>,
): Pick<OpenApiDocument, 'paths' | 'components'> {
  const nameIn = (section: string, name: string) =>
    ambiguous.has(reference(section, name)) ? capitalized(label) + name : name;
  const refer = (text: string) =>
    text.replace(/^#\/components\/([^/]+)\/([^/]+)$/, (_, section, name) => reference(section, nameIn(section, name)));
  const operationName = (id: string) => (operations.has(id) ? label + capitalized(id) : id);
  const paths = Object.entries(document.paths).map(([path, item]) => [
    prefix + path,
    withOperationNames(withReferences(item, refer) as PathItem, operationName),
  ]);
  const sections = Object.entries(document.components ?? {}).map(([section, entries]) => [
    section,
    Object.fromEntries(
      Object.entries(entries).map(([name, content]) => [nameIn(section, name), withReferences(content, refer)]),
    ),
  ]);
  return { paths: Object.fromEntries(paths), components: Object.fromEntries(sections) };
}

/** References stand under `$ref`, and as the values of a discriminator's `mapping`: any text of their form is one. */
function withReferences(node: unknown, refer: (text: string) => string): unknown {
  if (typeof node === 'string') return refer(node);
  if (Array.isArray(node)) return node.map((part) => withReferences(part, refer));
  if (typeof node !== 'object' || node === null) return node;
  return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, withReferences(value, refer)]));
}

const withOperationNames = (item: PathItem, operationName: (id: string) => string): PathItem =>
  Object.fromEntries(
    Object.entries(item).map(([method, operation]) => {
      const id = methods.has(method) && (operation as { operationId?: string }).operationId;
      return [method, id ? { ...(operation as object), operationId: operationName(id) } : operation];
    }),
  );

function mergeSections(all: readonly Components[]): Components {
  const sections = [...new Set(all.flatMap((components) => Object.keys(components)))];
  return Object.fromEntries(
    sections.map((section) => [section, Object.assign({}, ...all.map((components) => components[section] ?? {}))]),
  );
}
