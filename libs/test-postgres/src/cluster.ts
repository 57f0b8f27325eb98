/**
 * One Postgres cluster a Jest worker, started by the first test file that needs one. Jest gives each file its own module
 * registry, so what the files of a worker share is found on disk, in a folder named after the worker's process.
 */
import { startPostgres } from '#libs/embedded-postgres';
import { endTogether } from '#libs/test-watchdog';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const user = 'migsbyu';
const password = 'migsbyu';

/** Nothing here must survive a crash; tests of crashes make a cluster of their own. */
const settings = {
  fsync: 'off',
  full_page_writes: 'off',
  max_connections: 200,
  max_replication_slots: 50,
  max_wal_senders: 50,
  max_wal_size: '1GB',
};

/** Connection URL of a database of this worker's cluster. */
export async function clusterUrl(): Promise<(database: string) => string> {
  // the start beside the id: an id may come back, and a folder may have outlived a power cut
  const folder = join(tmpdir(), `test-postgres-${process.pid}-${Math.round(performance.timeOrigin)}`);
  const portFile = join(folder, 'port');
  if (!existsSync(portFile)) await startCluster(folder, portFile);
  const port = readFileSync(portFile, 'utf8');
  return (database) => `postgresql://${user}:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
}

async function startCluster(folder: string, portFile: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  endTogether(folder, 'SIGQUIT');
  const { port } = await startPostgres({ dataDir: join(folder, 'data'), port: 0, user, password, settings });
  writeFileSync(`${portFile}.new`, String(port));
  renameSync(`${portFile}.new`, portFile);
}
