/** Which Node runs the product, or what to do where there is none. Old Nodes run this file: nothing modern here. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../', import.meta.url));

const WANTED = 24;
/** Where npm brings a Node 24 along (optionalDependencies of package.json). */
const brought = process.platform === 'linux' && ['x64', 'arm64'].includes(process.arch);

/** The path of a Node that is new enough; else says in a sentence what is missing, and ends. */
export function fitNode() {
  const here = `this is Node ${process.versions.node} on ${process.platform} ${process.arch}`;
  if (major(process.versions.node) < 20)
    refuse(`MigsbyU needs Node 20 or newer, and ${here}. Install one from https://nodejs.org`);
  if (!existsSync(`${root}node_modules/.package-lock.json`))
    refuse('The packages are not installed yet. Run this first: npm ci');
  if (major(process.versions.node) >= WANTED) return process.execPath;
  const executable = `${root}node_modules/.bin/node`;
  if (runs(executable)) return executable;
  if (brought)
    refuse(`MigsbyU runs on Node ${WANTED}, which npm brings along but did not here. Run: npm ci --include=optional`);
  refuse(`MigsbyU needs Node ${WANTED} or newer here, and ${here}. Install one from https://nodejs.org`);
}

/** Runs a script of the repository; returns its exit code. */
export function node(executable, ...args) {
  const { status } = spawnSync(executable, args, { cwd: root, stdio: 'inherit' });
  return status === null ? 1 : status;
}

const major = (version) => Number(version.split('.')[0]);

function runs(executable) {
  const { stdout } = spawnSync(executable, ['-p', 'process.versions.node'], { encoding: 'utf8' });
  return Boolean(stdout) && major(stdout) >= WANTED;
}

function refuse(sentence) {
  console.error(sentence);
  process.exit(1);
}
