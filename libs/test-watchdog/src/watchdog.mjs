/**
 * Waits until standard input closes, which is when the process that holds its other end has ended; then ends whatever
 * server runs in the folder, and deletes the folder. Plain JavaScript, since it runs outside of Jest.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [folder, signal] = process.argv.slice(2);
for await (const _ of process.stdin);

/** Ids of the processes whose command line names a path in the folder: a server, or what prepares one and outlived its parent. */
function processes() {
  const ofFolder = ([, args]) => args.includes(`${folder}/`);
  return commandLines()
    .filter(ofFolder)
    .map(([pid]) => Number(pid))
    .filter((pid) => pid !== process.pid);
}

function commandLines() {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-axww', '-o', 'pid=,args='], { encoding: 'utf8' })
      .split('\n')
      .map((line) => line.trim().split(/\s(.*)/s))
      .filter(([pid, args]) => pid && args);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => [pid, readCommandLine(pid)]);
}

function readCommandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // it ended meanwhile
  }
}

function stop(pid) {
  try {
    process.kill(pid, signal); // at once: nobody wants the data
  } catch {
    // it ended meanwhile
  }
}

// More than once: a dying parent may have left an initdb or a server that only now appears.
for (let quiet = 0; quiet < 3; await sleep(100)) {
  const pids = processes();
  pids.forEach(stop);
  quiet = pids.length === 0 ? quiet + 1 : 0;
}
rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
