/**
 * `npm run reset`: deletes the data folder (DATA_DIR, ./data) for good, once nothing runs on it any more. It asks first;
 * `--yes` answers, and is needed where nobody can be asked.
 */
import { fitNode, node, root } from './fit-node.mjs';

process.chdir(root);
// It runs from the sources: what is to be deleted must not wait for a build.
const program = ['--import', './tools/run-typescript.mjs', 'apps/standalone/src/reset.ts'];
process.exitCode = node(fitNode(), '--disable-warning=ExperimentalWarning', ...program, ...process.argv.slice(2));
