import { availableParallelism } from 'node:os';

const base = {
  testEnvironment: 'node',
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/e2e'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^#libs/(.*)$': '<rootDir>/libs/$1/src/index.ts', '^(\\.{1,2}/.*)\\.js$': '$1' },
  modulePathIgnorePatterns: ['<rootDir>/dist'],
  setupFilesAfterEnv: ['<rootDir>/jest.setup.ts'],
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
          keepClassNames: true,
        },
      },
    ],
  },
};

/** One call of Jest gives one total. The suffix of a file says its tier. */
export default {
  // making a Postgres cluster outlasts Jest's five seconds on a busy machine
  testTimeout: 30_000,
  // most of a test's time is waiting for servers, so two share a core well; Jest's own count would be one on two cores
  maxWorkers: Math.max(2, availableParallelism() - 1),
  projects: [
    { ...base, displayName: 'unit', testRegex: '(?<!int-|e2e-)\\bspec\\.ts$' },
    { ...base, displayName: 'integration', testRegex: '\\.int-spec\\.ts$' },
    { ...base, displayName: 'e2e', testRegex: '\\.e2e-spec\\.ts$' },
  ],
};
