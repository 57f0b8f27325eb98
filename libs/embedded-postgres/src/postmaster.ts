import { commandLine, isRunning, processName } from '#libs/running-process';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

/** A Postgres that somebody still needs runs on this data folder. */
export class DataFolderInUse extends Error {
  readonly code = 'data-folder-in-use';
  constructor(
    readonly dataDir: string,
    readonly pid: number,
  ) {
    super(
      `A Postgres (process ${pid}) is running on ${dataDir}, and whoever started it is alive. ` +
        'Stop that one first, or choose another data folder.',
    );
    this.name = 'DataFolderInUse';
  }
}

/** A setting of no effect that stands on the postmaster's command line, so that a later start knows whose it is. */
const OWNER = 'embedded_postgres.owner';
export const ownerSetting = (): string => `${OWNER}=${processName(process.pid)}`;

/** What postmaster.pid says: https://www.postgresql.org/docs/18/storage-file-layout.html and miscadmin.h. */
export function readPostmaster(dataDir: string): { pid: number; ready: boolean } | null {
  const file = join(dataDir, 'postmaster.pid');
  if (!existsSync(file)) return null;
  const lines = readFileSync(file, 'utf8').split('\n');
  return { pid: Number(lines[0]), ready: lines[7]?.trim() === 'ready' };
}

/**
 * Stops a postmaster whose owner died without stopping it (kill -9), so that this start may have the folder.
 * @throws DataFolderInUse if its owner lives, or if it was started by other means.
 */
export async function stopOrphan(dataDir: string, home: string): Promise<void> {
  const running = readPostmaster(dataDir);
  if (!running || process.platform === 'win32') return; // Windows tells no command line: Postgres itself refuses there
  const args = commandLine(running.pid);
  if (args === null) return; // a stale file: Postgres removes it
  if (!args.includes(dataDir)) return disown(dataDir);
  const owner = args.find((arg) => arg.startsWith(`${OWNER}=`))?.slice(OWNER.length + 1);
  if (owner === undefined || isRunning(owner)) throw new DataFolderInUse(dataDir, running.pid);
  await stopPostmaster(running.pid, dataDir, home);
  while (isRunningOn(dataDir, running.pid)) await sleep(20);
}

const isRunningOn = (dataDir: string, pid: number): boolean => commandLine(pid)?.includes(dataDir) === true;

/** A fast shutdown: sessions end, everything committed is kept. */
export async function stopPostmaster(pid: number, dataDir: string, home: string): Promise<void> {
  if (process.platform !== 'win32') process.kill(pid, 'SIGINT');
  else await promisify(execFile)(join(home, 'bin', 'pg_ctl'), ['stop', '-D', dataDir, '-m', 'fast']);
}

/**
 * The process id in a stale postmaster.pid now belongs to somebody else (usual in containers), and Postgres would take
 * that process for its own and refuse. The file cannot simply go: its shared memory key is how Postgres sees that
 * backends of the dead postmaster are still writing. So only the process id is replaced, by one that no process has.
 */
async function disown(dataDir: string): Promise<void> {
  const file = join(dataDir, 'postmaster.pid');
  const [, ...rest] = readFileSync(file, 'utf8').split('\n');
  await writeFile(`${file}.stale`, ['2147483647', ...rest].join('\n'), { mode: 0o600 });
  await rename(`${file}.stale`, file);
}
