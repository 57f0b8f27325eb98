import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** How a Postgres program is run so that it does not see itself as root, which it refuses to be. */
export interface Identity {
  /** The command line that runs `program`. It replaces itself by the program: the process id is the program's own. */
  command(program: string, args: readonly string[]): [string, string[]];
  /** For spawn(), where the program runs as another user. */
  readonly ids: { uid?: number; gid?: number };
}

const itself: Identity = { command: (program, args) => [program, [...args]], ids: {} };

const namespace = ['--user', '--map-user=65534', '--map-group=65534'];
const inNamespace: Identity = { command: (program, args) => ['unshare', [...namespace, program, ...args]], ids: {} };

/**
 * As any user: that user. As root: the data folder's owner if that is somebody else; else a user namespace of one
 * process, in which root's files stay root's own; else, where the kernel or a container forbids namespaces, `postgres`
 * or `nobody`, who then own the folder and must be able to enter every folder above it.
 */
export function identityFor(dataDir: string): Identity {
  if (process.getuid?.() !== 0) return itself;
  const owner = statSync(dataDir, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { ...itself, ids: { uid: owner.uid, gid: owner.gid } };
  if (spawnSync('unshare', [...namespace, 'true']).status === 0) return inNamespace;
  const ids = unprivilegedUser();
  if (owner) giveTo(ids, dataDir);
  return { ...itself, ids };
}

export function giveTo(ids: Identity['ids'], path: string): void {
  if (ids.uid !== undefined) execFileSync('chown', ['-R', `${ids.uid}:${ids.gid}`, path], { cwd: dirname(path) });
}

function unprivilegedUser(): { uid: number; gid: number } {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = ['postgres', 'nobody'].map((name) => users.find(([known]) => known === name)).find(Boolean);
  return { uid: Number(user?.[2] ?? 65534), gid: Number(user?.[3] ?? 65534) };
}
