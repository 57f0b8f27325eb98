/**
 * `npm start`: builds what is stale and runs the product. This file must itself run on old Nodes, to say what is missing.
 */
import { endWithNpm } from './end-with-npm.mjs';
import { fitNode, node, root } from './fit-node.mjs';
import { spawn } from 'node:child_process';
import { pathToFileURL } from 'node:url';

process.chdir(root);
const executable = fitNode();
if (node(executable, 'tools/build.mjs', '--if-stale') !== 0) {
  console.error('The build failed, so nothing was started. Correct what stands above, then: npm start');
  process.exit(1);
}

endWithNpm();
const main = `${root}dist/apps/standalone/src/main.js`;
if (executable === process.execPath) await import(pathToFileURL(main).href);
else handOver();

/**
 * This Node cannot run the product, the one of npm can. It gets a process group of its own, so that a terminal's Ctrl-C
 * reaches it once, from here; the IPC channel tells it if this process is killed.
 */
function handOver() {
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc'];
  const child = spawn(executable, [main, ...process.argv.slice(2)], { stdio, detached: process.platform !== 'win32' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code) => process.exit(code === null ? 1 : code));
}
