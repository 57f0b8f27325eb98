/** A rule whose pattern matches nothing is no rule: each one is broken here once, in a repository of the test's own. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

let repository: string;

async function prepare(): Promise<void> {
  repository = await mkdtemp(join(tmpdir(), 'architecture-'));
  for (const file of ['.dependency-cruiser.cjs', 'tsconfig.json', 'tools/check/source-aliases.cjs'])
    cpSync(file, join(repository, file));
  for (const name of ['@nestjs/common', '@prisma/client', '@duckdb/node-api', 'pg', 'jest']) {
    write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: 'index.js' }));
    write(`node_modules/${name}/index.js`, 'module.exports = 1;');
  }
  const dependencies = { '@nestjs/common': '1', '@prisma/client': '1', '@duckdb/node-api': '1', pg: '1' };
  write('package.json', JSON.stringify({ type: 'module', dependencies, devDependencies: { jest: '1' } }));
  for (const lib of ['catalog', 'university', 'embedded-postgres', 'lake']) {
    write(`libs/${lib}/src/index.ts`, `export { it } from './inside.js';`);
    write(`libs/${lib}/src/inside.ts`, 'export const it = 1;');
  }
  write('e2e/story.e2e-spec.ts', imports('#libs/catalog'));
  write('apps/projector/src/append.ts', 'export const it = 1;');
  write('apps/projector/src/append.spec.ts', 'export const it = 1;');
  write('apps/projector/src/folding/index.ts', 'export const it = 1;');
  write('libs/replicated/src/index.ts', imports('pg'));
}

function write(file: string, text: string): void {
  mkdirSync(dirname(join(repository, file)), { recursive: true });
  writeFileSync(join(repository, file), text);
}

const imports = (...names: string[]) => names.map((name, i) => `export * as it${i} from '${name}';`).join('\n');

/** The broken rules, each with the file that breaks it. */
async function violations(): Promise<[string, string][]> {
  const cruiser = resolve('node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const args = [cruiser, 'apps', 'libs', 'e2e', '--output-type', 'json'];
  const json = await new Promise<string>((tell) =>
    execFile(process.execPath, args, { cwd: repository, maxBuffer: 2 ** 26 }, (_failed, stdout) => tell(stdout)),
  );
  const { summary } = JSON.parse(json) as { summary: { violations: { rule: { name: string }; from: string }[] } };
  return summary.violations.map(({ rule, from }) => [rule.name, from]);
}

const breaks: [rule: string, file: string, ...imported: string[]][] = [
  ['Libs never import apps', 'libs/lake/src/a.ts', '../../../apps/projector/src/append.js'],
  ['Apps never import apps', 'apps/query-api/src/a.ts', '../../projector/src/append.js'],
  ['Apps and tests enter a lib through its door', 'apps/projector/src/a.ts', '../../../libs/lake/src/inside.js'],
  ['Apps and tests enter a lib through its door', 'e2e/a.ts', '../libs/lake/src/inside.js'],
  ['A lib enters another lib through its door', 'libs/lake/src/a.ts', '../../catalog/src/inside.js'],
  ['A lib never imports its own door', 'libs/lake/src/a.ts', '#libs/lake'],
  ['An app has no barrels', 'apps/projector/src/a.ts', './folding/index.js'],
  ['No cycles, not even of types', 'libs/lake/src/itself.ts', './itself.js'],
  ['Only composition roots know the university', 'apps/projector/src/append/a.ts', '#libs/university'],
  ['Only composition roots know the university', 'libs/lake/src/a.ts', '#libs/university'],
  ['Nest stays at the edge: in apps and libs/service', 'libs/lake/src/a.ts', '@nestjs/common'],
  ['Prisma stays in command-api', 'apps/projector/src/a.ts', '@prisma/client'],
  ['The query API needs no Postgres', 'apps/query-api/src/a.ts', '#libs/replicated'],
  ['The write side needs no lake', 'apps/command-api/src/a.ts', '@duckdb/node-api'],
  ['Only standalone starts a Postgres', 'apps/projector/src/a.ts', '#libs/embedded-postgres'],
  ['The product never imports a test', 'apps/projector/src/a.ts', './append.spec.js'],
  ['The product runs without devDependencies', 'apps/projector/src/a.ts', 'jest'],
  ['Every import leads somewhere', 'apps/projector/src/a.ts', './nowhere.js'],
];

/** Each break in a file of its own, so that one run finds them all. */
const broken = breaks.map(([rule, file, ...imported], i) => {
  const name = file.replace(/\/a\.ts$/, `/break-${i}.ts`);
  return { rule, name, imported };
});

describe('an architecture rule', () => {
  let found: [string, string][];
  beforeAll(async () => {
    await prepare();
    for (const { name, imported } of broken) write(name, imports(...imported));
    found = await violations();
  });
  afterAll(() => rm(repository, { recursive: true }));

  it.each(broken)('says "$rule" of $name', ({ rule, name }) => {
    expect(found).toContainEqual([rule, name]);
  });
});

describe('the architecture rules together', () => {
  beforeAll(prepare);
  afterAll(() => rm(repository, { recursive: true }));

  it('let through what is meant to be', async () => {
    write('apps/projector/src/projector.module.ts', imports('#libs/university', '#libs/lake', '@nestjs/common', 'pg'));
    write('apps/command-api/src/students/reader.ts', imports('@prisma/client', './row.js'));
    write('apps/command-api/src/students/row.ts', imports('#libs/catalog'));
    write('apps/standalone/src/main.ts', imports('#libs/embedded-postgres'));
    write('apps/projector/src/append.int-spec.ts', imports('#libs/embedded-postgres', '#libs/university', 'jest'));
    write('libs/lake/src/a.ts', imports('./inside.js', '#libs/catalog', '@duckdb/node-api'));
    rmSync(join(repository, 'apps/projector/src/folding'), { recursive: true });
    expect(await violations()).toEqual([]);
  });
});
