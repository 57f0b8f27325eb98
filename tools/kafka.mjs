/**
 * `npm run kafka:up` and `kafka:down`: broker, Kafka Connect and the Debezium connector on this machine, until they are
 * told to stop. It runs from the sources: nothing of it waits for a build.
 */
import { fitNode, node, root } from './fit-node.mjs';

process.chdir(root);
const program = ['--import', './tools/run-typescript.mjs', 'apps/standalone/src/kafka-command.ts'];
process.exitCode = node(fitNode(), '--disable-warning=ExperimentalWarning', ...program, ...process.argv.slice(2));
