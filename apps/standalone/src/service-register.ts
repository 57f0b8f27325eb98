/**
 * The processes of a run, by name. Killed, a run leaves services that end by themselves, but not at once: until then
 * they hold their ports and write to the lake, so the next run waits for them.
 */
import { isRunning, processName } from '#libs/running-process';
import { appendFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds, after which one that would not end is killed: whatever it answered with success is safe. */
const PATIENCE = 5_000;

export class ServiceRegister {
  private readonly file: string;

  /** The folder must be locked by this process. */
  constructor(folder: string) {
    this.file = join(folder, 'standalone.services');
  }

  add(pid: number): void {
    appendFileSync(this.file, `${processName(pid)}\n`);
  }

  /** Resolves when no service of an earlier run is left. */
  async endOrphans(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    for (let left = await this.running(); left.length > 0; left = left.filter(isRunning)) {
      if (Date.now() > deadline) for (const name of left) process.kill(Number.parseInt(name, 10), 'SIGKILL');
      await sleep(20);
    }
    await this.clear();
  }

  clear(): Promise<void> {
    return rm(this.file, { force: true });
  }

  private async running(): Promise<string[]> {
    const names = await readFile(this.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    return names.split('\n').filter((name) => name !== '' && isRunning(name));
  }
}
