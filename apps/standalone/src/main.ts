import { readConfig } from '#libs/service';
import { relative } from 'node:path';
import { standaloneVariables } from './config.js';
import { refusal } from './refusal.js';
import { Standalone, StartCalledOff } from './standalone.js';

/** npm passes a terminal's Ctrl-C on to a process that got it already: only a later one is somebody's second. */
const SAME_SIGNAL = 1_000;

const flags = process.argv.slice(2);
const unknown = flags.filter((flag) => flag !== '--kafka');
if (unknown.length > 0) {
  process.stderr.write(`npm start knows no ${unknown.join(' ')}; wanted is nothing, or -- --kafka.\n`);
  process.exit(2);
}
const chosen = flags.includes('--kafka') ? { CHANGE_SOURCE: 'kafka' } : {};
const config = readConfig(standaloneVariables, { ...process.env, ...chosen });
const say = (line: string) => process.stdout.write(`${line}\n`);
const standalone = new Standalone(config, say, (error) => void end(1, error));

let ending: number | null = null;
process.on('SIGINT', stopOrForce);
process.on('SIGTERM', stopOrForce);
// Whoever started this one and went away cannot stop it any more.
if (process.send) process.once('disconnect', () => void end(0));

try {
  const url = await standalone.start();
  const folder = relative('.', config.DATA_DIR) || '.';
  say(`\nMigsbyU is ready: ${url}\nCtrl-C stops it. What it knows is kept in ${folder}; npm run reset deletes that.\n`);
  process.send?.({ type: 'ready', port: Number(new URL(url).port) });
} catch (error) {
  if (!(error instanceof StartCalledOff)) await end(1, error);
}

function stopOrForce(): void {
  if (ending === null) void end(0);
  else if (Date.now() - ending > SAME_SIGNAL) {
    say('Stopped by force; the next start repairs what that left.');
    standalone.kill();
    process.exit(130);
  }
}

async function end(status: number, error?: unknown): Promise<void> {
  if (ending !== null) return;
  ending = Date.now();
  if (error) process.stderr.write(`${refusal(error, config.DATA_DIR)}\n`);
  else say('Stopping … (Ctrl-C again stops by force)');
  await standalone.stop().catch((failure: Error) => process.stderr.write(`${refusal(failure, config.DATA_DIR)}\n`));
  process.exit(status);
}
