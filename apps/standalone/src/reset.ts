/** Deletes the data folder, once nothing runs on it. */
import { postgresHome, stopOrphan } from '#libs/embedded-postgres';
import { existsSync, readdirSync } from 'node:fs';
import { realpath, rename, rm, rmdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { lockDataFolder } from './data-folder-lock.js';
import { assertDown, kafkaFolder } from './kafka/stack-notes.js';
import { refusal } from './refusal.js';
import { ServiceRegister } from './service-register.js';

/** All that the product ever puts there, and what a reset that was killed left. */
const ours = /^(?:postgres|postgres\.log|kafka|lake|spool|standalone\..*|\.postgres\.initdb-.*|\.reset-.*)$/;

/** Nothing was deleted. */
class ResetRefused extends Error {
  readonly code = 'reset-refused';
}

const folder = resolve(process.env['DATA_DIR'] || 'data');
try {
  await reset();
} catch (error) {
  process.stderr.write(`${refusal(error, folder)}\n`);
  process.exitCode = 1;
}

async function reset(): Promise<void> {
  if (!existsSync(folder)) return say(`${folder} does not exist: nothing is to be deleted.`);
  assertOurs();
  const lock = await lockDataFolder(folder);
  try {
    const postgres = join(await realpath(folder), 'postgres');
    assertDown(kafkaFolder(folder));
    await new ServiceRegister(folder).endOrphans();
    await stopOrphan(postgres, postgresHome());
    await confirm();
    await deleteContent();
  } finally {
    await lock.release();
  }
  await rmdir(folder).catch(() => {}); // a mount point stays
  say(`${folder} is deleted. The next start begins anew.`);
}

function assertOurs(): void {
  const others = readdirSync(folder).filter((name) => !ours.test(name));
  if (others.length === 0) return;
  const some = others.slice(0, 3).join(', ') + (others.length > 3 ? ', …' : '');
  throw new ResetRefused(
    `${folder} holds files that are not MigsbyU's (${some}). Nothing was deleted; is DATA_DIR right?`,
  );
}

async function confirm(): Promise<void> {
  if (process.argv.includes('--yes')) return;
  const what = `${relative('.', folder) || folder}, with the database and its whole history`;
  if (!process.stdin.isTTY) throw new ResetRefused(`This would delete ${what}. Nobody can be asked here: add --yes.`);
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Delete ${what}? Type yes: `);
  terminal.close();
  if (answer.trim().toLowerCase() !== 'yes') throw new ResetRefused('Nothing was deleted.');
}

/** First everything gets another name: killed in the middle of a deletion, no half database is left to start on. */
async function deleteContent(): Promise<void> {
  const bury = (name: string) => rm(join(folder, name), { recursive: true, force: true });
  const names = readdirSync(folder).filter((name) => !name.startsWith('standalone.'));
  for (const grave of names.filter(isGrave)) await bury(grave);
  const living = names.filter((name) => !isGrave(name));
  for (const name of living) await rename(join(folder, name), join(folder, `.reset-${name}`));
  for (const name of living) await bury(`.reset-${name}`);
}

function isGrave(name: string): boolean {
  return name.startsWith('.reset-');
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
