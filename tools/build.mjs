/**
 * Builds everything into dist/: the Prisma client is generated, then one TypeScript program compiles all apps and libs.
 * `node tools/build.mjs --if-stale` does nothing when dist/ was built from exactly these sources.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const stamp = 'dist/.built';
const sources = [
  'apps/*/src/**/*.ts',
  'libs/*/src/**/*.ts',
  'prisma/schema.prisma',
  'package-lock.json',
  'tsconfig*.json',
  'nest-cli.json',
];

/** A hash over all that the build reads, so that an edit, a pull or a branch change is noticed, and a mere `touch` is not. */
function sourceHash() {
  const hash = createHash('sha256');
  for (const file of globSync(sources, { exclude: (path) => String(path).includes('generated') }).sort())
    hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function run(script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const wanted = sourceHash();
const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
if (!(process.argv.includes('--if-stale') && fresh)) {
  console.log('Building …');
  rmSync('dist', { recursive: true, force: true });
  run('tools/prisma.mjs', 'generate');
  run('node_modules/@nestjs/cli/bin/nest.js', 'build');
  mkdirSync('dist', { recursive: true });
  writeFileSync(stamp, wanted);
}
