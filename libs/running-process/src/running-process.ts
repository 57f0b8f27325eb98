import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** The command line of a process (empty for one that ended and was not reaped), or null if no process has this id. */
export function commandLine(pid: number): string[] | null {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
    return execFileSync('ps', ['-ww', '-p', String(pid), '-o', 'args='], { encoding: 'utf8' })
      .trim()
      .split(' ');
  } catch {
    return null;
  }
}

/**
 * Names a process so that another one which got the same id later is not mistaken for it: `<pid>/<start>`, the start in
 * clock ticks since boot where /proc tells it (proc(5), stat, field 22), else empty.
 */
export const processName = (pid: number): string => `${pid}/${stateOf(pid).start}`;

/** False also for a process that ended and was not reaped: with its last thread it holds nothing any more. */
export function isRunning(name: string): boolean {
  const pid = Number(name.split('/')[0]);
  return isKnown(pid) && processName(pid) === name && (stateOf(pid).state !== 'Z' || hasThreads(pid));
}

/** Threads may outlive the first one, and with them what is open: ports, locks. */
function hasThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

function stateOf(pid: number): { state: string; start: string } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', start: fields[19] ?? '' };
  } catch {
    return { state: '', start: '' };
  }
}

function isKnown(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
