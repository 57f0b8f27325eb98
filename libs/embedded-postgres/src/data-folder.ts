/**
 * A data folder is complete or absent, never half made: initdb works in a draft folder beside it, which gets the real
 * name by one rename when it is complete and synced. A killed start leaves a draft, which a later start removes.
 */
import { isRunning, processName } from '#libs/running-process';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { giveTo, type Identity } from './identity.js';

const MAJOR_VERSION = '18';

/** The folder is no data folder of this Postgres, and nothing was changed in it. */
export class UnusableDataFolder extends Error {
  readonly code = 'unusable-data-folder';
  constructor(
    readonly dataDir: string,
    reason: string,
    remedy: string,
  ) {
    super(`${dataDir} cannot hold the database: ${reason}. ${remedy}`);
    this.name = 'UnusableDataFolder';
  }
}

interface Superuser {
  readonly user: string;
  readonly password: string;
}

/** Makes the data folder unless it is there. @throws UnusableDataFolder */
export async function prepareDataFolder(dataDir: string, home: string, as: Identity, superuser: Superuser) {
  const parent = dirname(dataDir);
  await mkdir(parent, { recursive: true });
  await removeAbandonedDrafts(dataDir);
  if (isDataFolder(dataDir)) return;
  const draft = await mkdtemp(`${draftPrefix(dataDir)}${processName(process.pid).replace('/', '-')}-`);
  try {
    await initialise(draft, home, as, superuser);
    await rename(join(draft, 'data'), dataDir);
    await sync(parent);
  } catch (error) {
    if (!isDataFolder(dataDir)) throw error; // else another start was faster, and its folder is as good
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function isDataFolder(dataDir: string): boolean {
  const marker = join(dataDir, 'PG_VERSION');
  if (existsSync(marker)) {
    const version = readFileSync(marker, 'utf8').trim();
    if (version === MAJOR_VERSION) return true;
    const remedy = 'Upgrade it with pg_upgrade, or choose another data folder.';
    throw new UnusableDataFolder(dataDir, `it was made by Postgres ${version}, and this is ${MAJOR_VERSION}`, remedy);
  }
  if (existsSync(dataDir) && readdirSync(dataDir).length > 0)
    throw new UnusableDataFolder(dataDir, 'it holds other files', 'Choose an empty or new folder.');
  return false;
}

async function initialise(draft: string, home: string, as: Identity, { user, password }: Superuser): Promise<void> {
  const passwordFile = join(draft, 'password');
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  await mkdir(join(draft, 'data'), { mode: 0o700 });
  if (as.ids.uid !== undefined) await chmod(draft, 0o711);
  giveTo(as.ids, passwordFile);
  giveTo(as.ids, join(draft, 'data'));
  const folders = ['-D', join(draft, 'data'), '--pwfile', passwordFile];
  const choices = ['-U', user, '-A', 'scram-sha-256', '-E', 'UTF8', '--locale=C', '--no-instructions'];
  const [command, args] = as.command(join(home, 'bin', 'initdb'), [...folders, ...choices]);
  try {
    // initdb syncs what it wrote before it ends
    await promisify(execFile)(command, args, { ...as.ids, cwd: '/', env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' } });
  } catch (error) {
    const output = (error as { stderr?: string }).stderr?.trim() || String(error);
    const remedy = 'The folder and every folder above it must be open to the user that Postgres runs as.';
    throw new UnusableDataFolder(draft, `initdb failed: ${output}`, remedy);
  }
}

const draftPrefix = (dataDir: string): string => join(dirname(dataDir), `.${basename(dataDir)}.initdb-`);

/** A killed start's initdb may run on for a moment and make files while we delete: what stays goes the next time. */
async function removeAbandonedDrafts(dataDir: string): Promise<void> {
  const prefix = basename(draftPrefix(dataDir));
  for (const name of readdirSync(dirname(dataDir)).filter((entry) => entry.startsWith(prefix))) {
    const [pid, start] = name.slice(prefix.length).split('-');
    if (isRunning(`${pid}/${start}`)) continue;
    await rm(join(dirname(dataDir), name), { recursive: true, force: true }).catch(() => {});
  }
}

async function sync(directory: string): Promise<void> {
  if (process.platform === 'win32') return; // a directory cannot be opened there; NTFS journals the rename
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
