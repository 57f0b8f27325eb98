/**
 * `npm run dev`: the product, built and started again whenever a source changes. A build that fails leaves the running
 * one alone.
 */
import { endWithNpm } from './end-with-npm.mjs';
import { fitNode, node, root } from './fit-node.mjs';
import { fork } from 'node:child_process';
import { watch } from 'node:fs';

process.chdir(root);
endWithNpm();
const executable = fitNode();
const main = 'dist/apps/standalone/src/main.js';
const folders = ['apps', 'libs', 'prisma'];
/** An editor's save is several events, a branch change hundreds, within some milliseconds. */
const SETTLED = 200;

let product = null;
let working = false;
let changed = true;
let ending = false;
let timer;

for (const folder of folders)
  watch(folder, { recursive: true }, (_event, file) => {
    if (!/\.(ts|prisma|sql)$/.test(String(file)) || /generated|spec\.ts$/.test(String(file))) return;
    changed = true;
    clearTimeout(timer);
    timer = setTimeout(renew, SETTLED);
  });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => end(signal));
renew();

/** One build at a time; what changes meanwhile is built afterwards. */
async function renew() {
  if (working || ending) return;
  working = true;
  while (changed && !ending) {
    changed = false;
    if (node(executable, 'tools/build.mjs', '--if-stale') !== 0) console.error('Waiting for a change …');
    else await restart();
  }
  working = false;
}

async function restart() {
  if (product) {
    product.child.kill('SIGTERM');
    await product.ended;
  }
  if (ending) return;
  // In a process group of its own, so that a terminal's Ctrl-C reaches it once, from here.
  const child = fork(main, { execPath: executable, detached: process.platform !== 'win32' });
  const ended = new Promise((tell) => child.once('exit', tell));
  product = { child, ended };
  void ended.then(() => {
    if (product?.child === child) product = null;
  });
}

async function end(signal) {
  ending = true;
  if (product) {
    product.child.kill(signal);
    await product.ended;
  }
  process.exit();
}
