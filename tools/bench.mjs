/** `node tools/bench.mjs <name> [--option value]`: builds what is stale, and runs one of the benchmarks in bench/. */
import { existsSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fitNode, node, root } from './fit-node.mjs';

process.chdir(root);
const [name, ...options] = process.argv.slice(2);
if (!name || !existsSync(`bench/${name}.ts`)) {
  const names = readdirSync('bench').filter((file) => file.endsWith('.ts'));
  console.error(`Which benchmark? One of: ${names.map((file) => basename(file, '.ts')).join(', ')}.`);
  process.exit(1);
}
const executable = fitNode();
process.exit(
  node(executable, 'tools/build.mjs', '--if-stale') || node(executable, `dist/bench/${name}.js`, ...options),
);
