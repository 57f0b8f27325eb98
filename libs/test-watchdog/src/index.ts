/**
 * A test's servers must end with it, however it ends, kill -9 included, without running a line of ours. So a watchdog
 * holds the other end of a pipe: when this process's end closes, it ends them by their ids and deletes their folder.
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Whatever names a path in `folder` on its command line gets `signal` when this process has ended, and the folder goes.
 * To be called before the first of them starts.
 */
export function endTogether(folder: string, signal: 'SIGQUIT' | 'SIGKILL'): void {
  const script = fileURLToPath(new URL('watchdog.mjs', import.meta.url));
  // in a process group of its own: Ctrl-C and a killed group must not reach it before it has done its work
  const watchdog = spawn(process.execPath, [script, folder, signal], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  watchdog.unref();
  (watchdog.stdin as unknown as { unref(): void }).unref();
}
