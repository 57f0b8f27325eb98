import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, processName } from './running-process.js';

/**
 * A new folder of this process in `parent`, which is made if need be. Folders of that kind are deleted whose process was
 * killed before it could.
 */
export async function processFolder(parent: string, kind: string): Promise<string> {
  await mkdir(parent, { recursive: true });
  for (const name of await readdir(parent))
    if (isLeftBehind(name, kind)) await rm(join(parent, name), { recursive: true, force: true });
  return mkdtemp(join(parent, `${kind}-${processName(process.pid).replace('/', '-')}-`));
}

function isLeftBehind(name: string, kind: string): boolean {
  const [, pid, start] = (name.startsWith(`${kind}-`) && /^(\d+)-(\d*)-/.exec(name.slice(kind.length + 1))) || [];
  return pid !== undefined && !isRunning(`${pid}/${start}`);
}
