/** The architecture as sentences that a tool checks. A rule's comment is its remedy. */
/** Tests, and what only tests use. */
const tests = '(?:[.-]spec\\.ts$|/contract/|^(?:e2e|bench)/|^libs/(?:test-|[^/]+/test/))';
const generated = '^apps/command-api/src/generated/';
const compositionRoot = '^apps/[^/]+/src/(?:main|[^/]+\\.module|[^/]*config|openapi)\\.ts$';

const rules = {
  'Libs never import apps': {
    remedy: 'Move what is needed into a lib, or hand it in as an argument from the composition root.',
    from: { path: '^libs/' },
    to: { path: '^apps/' },
  },
  'Apps never import apps': {
    remedy: 'Processes talk over HTTP, Postgres and the lake; code that two apps need is a lib.',
    from: { path: '^apps/([^/]+)/' },
    to: { path: '^apps/', pathNot: '^apps/$1/' },
  },
  'Apps and tests enter a lib through its door': {
    remedy: 'Import #libs/<name>; what is missing there is exported by name in its src/index.ts.',
    from: { path: '^(?:apps|e2e|bench)/' },
    to: { path: '^libs/', pathNot: '^libs/[^/]+/src/index\\.ts$' },
  },
  'A lib enters another lib through its door': {
    remedy: 'Import #libs/<name>; what is missing there is exported by name in its src/index.ts.',
    from: { path: '^libs/([^/]+)/' },
    to: { path: '^libs/', pathNot: '^libs/(?:$1/|[^/]+/src/index\\.ts$)' },
  },
  'A lib never imports its own door': {
    remedy: 'Import the file itself, with a relative path.',
    from: { path: '^libs/([^/]+)/', pathNot: tests },
    to: { path: '^libs/$1/src/index\\.ts$' },
  },
  'An app has no barrels': {
    remedy: 'Import the file that has the thing; delete the index.ts.',
    from: { path: '^apps/' },
    to: { path: '^apps/.*/index\\.ts$' },
  },
  'No cycles, not even of types': {
    remedy: 'Move what both need into a third file, or pass it as an argument.',
    from: { path: '^(?:apps|libs|e2e|bench|tools)/', pathNot: generated },
    to: { circular: true },
  },
  'Only composition roots know the university': {
    remedy: 'Take the catalog as an argument: main.ts, *.module.ts or config.ts of the app hands it in.',
    from: { path: '^(?:apps|libs)/', pathNot: `^libs/university/|${compositionRoot}|${tests}` },
    to: { path: '^libs/university/' },
  },
  'Nest stays at the edge: in apps and libs/service': {
    remedy: 'Write it as plain TypeScript, and let a module of the app provide it by a factory.',
    from: { path: '^libs/', pathNot: '^libs/service/' },
    to: { path: '^node_modules/(?:@nestjs/|nestjs-)' },
  },
  'Prisma stays in command-api': {
    remedy: 'Use pg elsewhere; reads of the six tables belong to command-api.',
    from: { path: '^(?:apps|libs)/', pathNot: '^apps/command-api/' },
    to: { path: '^node_modules/(?:@prisma/|prisma/)' },
  },
  'The query API needs no Postgres': {
    remedy: 'Read the lake: what is missing there is written by the projector.',
    from: { path: '^apps/query-api/', pathNot: tests },
    to: { path: '^node_modules/pg/|^libs/(?:embedded-postgres|migrations|postgres-replication)/', reachable: true },
  },
  'The write side needs no lake': {
    remedy: 'Commands are answered from Postgres alone; the lake belongs to the projector and the query API.',
    from: { path: '^apps/command-api/', pathNot: tests },
    to: { path: '^node_modules/@duckdb/', reachable: true },
  },
  'Only standalone starts a Postgres': {
    remedy: 'Take a DATABASE_URL; the standalone app and tests start the server.',
    from: { path: '^(?:apps|libs)/', pathNot: `^apps/standalone/|^libs/embedded-postgres/|${tests}` },
    to: { path: '^libs/embedded-postgres/' },
  },
  'The product never imports a test': {
    remedy: 'What both need is product code; what only tests need stays with them.',
    from: { path: '^(?:apps|libs)/', pathNot: tests },
    to: { path: tests },
  },
  'The product runs without devDependencies': {
    remedy: 'Move the package to dependencies in package.json, or do without it.',
    from: { path: '^(?:apps|libs)/', pathNot: tests },
    to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
  },
  'Every import leads somewhere': {
    remedy: 'Correct the path (imports of files end in .js), or add the package to package.json.',
    from: { pathNot: generated },
    to: { couldNotResolve: true },
  },
};

module.exports = {
  forbidden: Object.entries(rules).map(([name, { remedy, from, to }]) => ({
    name,
    comment: remedy,
    severity: 'error',
    from,
    to,
  })),
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // `#libs/*` means dist/ at run time (package.json "imports"); the rules are about the sources.
    webpackConfig: { fileName: 'tools/check/source-aliases.cjs' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
