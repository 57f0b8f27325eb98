/**
 * Builds everything into dist/: the Prisma client is generated, then one TypeScript program compiles all apps and libs.
 * `node tools/build.mjs --if-stale` does nothing when dist/ was built from exactly these sources.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const stamp = 'dist/.built';
const generatedClient = 'apps/command-api/src/generated/prisma';
const sources = [
  'apps/*/src/**/*.ts',
  'libs/*/src/**/*.ts',
  'bench/**/*.ts',
  'e2e/product.ts',
  'prisma/schema.prisma',
  'prisma.config.ts',
  'package.json',
  'package-lock.json',
  'tsconfig*.json',
  'nest-cli.json',
];
/** The client is made by the build; of tests nothing is built (tsconfig.build.json). */
const notBuilt = /generated|spec\.ts$|\/contract\/|^libs\/test-/;

/** A hash over all that the build reads, so that an edit, a pull or a branch change is noticed, and a mere `touch` is not. */
function sourceHash() {
  const hash = createHash('sha256');
  for (const file of globSync(sources)
    .filter((path) => !notBuilt.test(path))
    .sort())
    hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

/** What a step says matters only when it fails. */
function run(script, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
  if (status === 0) return;
  console.error(`${stdout}${stderr}`.trim());
  process.exit(status ?? 1);
}

/**
 * What the compiler did not write anew belongs to sources that are gone. Only now, and not the whole of dist/ before the
 * build: a running product restarts its services from there.
 */
function prune(builtSince) {
  for (const file of globSync('dist/**/*.{js,map,d.ts}')) if (statSync(file).mtimeMs < builtSince) rmSync(file);
}

const wanted = sourceHash();
const fresh = existsSync(stamp) && existsSync(generatedClient) && readFileSync(stamp, 'utf8') === wanted;
if (!(process.argv.includes('--if-stale') && fresh)) {
  console.log('Building …');
  const started = Date.now() - 1000; // file systems round times down
  rmSync(stamp, { force: true });
  run('tools/prisma.mjs', 'generate');
  run('node_modules/@nestjs/cli/bin/nest.js', 'build');
  prune(started);
  writeFileSync(stamp, wanted);
}
