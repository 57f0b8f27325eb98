/**
 * A process that outlives whoever started it is found again by a file that holds its id and what to know of it. An id
 * says nothing after a restart of the machine: the process counts only if its command line names its folder.
 */
import { commandLine, isRunning, processName } from '#libs/running-process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logsSetting } from './java-process.js';

export interface ProcessNote {
  readonly pid: number;
  /** Where it is found, with which settings. */
  readonly about: Readonly<Record<string, string>>;
}

/** Milliseconds for an orderly end; what was acknowledged survives a kill as well. */
const patience = 15_000;

/** Whole or absent, also for a reader that comes in between. */
export function writeNote(file: string, note: ProcessNote): void {
  writeFileSync(`${file}.draft`, JSON.stringify(note), { mode: 0o600 });
  renameSync(`${file}.draft`, file);
}

/** What the file says of a process that runs in `folder` now; null if none does, whatever the file says. */
export function readNote(file: string, folder: string): ProcessNote | null {
  try {
    const note = JSON.parse(readFileSync(file, 'utf8')) as ProcessNote;
    return runsIn(folder, note.pid) ? note : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const runsIn = (folder: string, pid: number): boolean =>
  isRunning(processName(pid)) && commandLine(pid)?.includes(logsSetting(folder)) === true;

/**
 * Resolves with true when the noted process has ended, with false if none was running; the file is gone then.
 * @param within milliseconds for an orderly end, after which it is killed
 */
export async function endNoted(file: string, folder: string, within = patience): Promise<boolean> {
  const note = readNote(file, folder);
  if (note) await end(note.pid, within);
  rmSync(file, { force: true });
  return note !== null;
}

/** By its name: its command line is gone before its ports are free. */
async function end(pid: number, within: number): Promise<void> {
  const name = processName(pid);
  const deadline = Date.now() + within;
  signal(pid, 'SIGTERM');
  for (; isRunning(name); await sleep(50)) if (Date.now() > deadline) signal(pid, 'SIGKILL');
}

/** It may have ended in between. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
