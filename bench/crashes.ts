/**
 * The crash matrix: a projector under load is killed, or finds its disk full or failing, at every step that has a name, and
 * is started again, a thousand times; then the lake must hold what the source's own record says, and readers that looked on
 * must have seen nothing but ends of transactions.
 */
import { startPostgres } from '#libs/embedded-postgres';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Campaign, type CampaignResult } from './crashes/campaign.js';
import { allTargets, labelOf } from './crashes/targets.js';
import { argument } from './measuring/arguments.js';
import { conclude, say, table } from './measuring/report.js';

/** In all, about: each step gets as many. */
const kills = argument('kills', 1000);
/** For each kill of a step, once in so many each error of a disk is raised there. */
const killsOfAnError = 5;
const seed = argument('seed', 1 + (Date.now() % 1e9));

const folder = await mkdtemp(join(tmpdir(), 'crashes-'));
const server = await startPostgres({
  ...{ dataDir: join(folder, 'postgres'), port: 0, user: 'migsbyu', password: 'migsbyu' },
  settings: { fsync: 'off', full_page_writes: 'off', max_replication_slots: 50, max_wal_senders: 50 },
});
const interrupted = () => void server.stop().finally(() => process.exit(130));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupted);

async function database(name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server.url('postgres') });
  await client.connect();
  await client.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  await client.end();
  return server.url(name);
}

function report({ tally, rounds, sums, wrong }: CampaignResult, seconds: number): void {
  table(
    'Steps',
    ['step', 'kill -9', 'ENOSPC', 'EIO', 'missed'],
    tally.rows.map(({ target, struck, missed }) => [
      ...[labelOf(target), struck.kill ?? '-', struck.ENOSPC ?? '-', struck.EIO ?? '-'],
      missed,
    ]),
  );
  for (const { target } of tally.rows)
    if (target.diskless) say(`- No disk can fail at ${labelOf(target)}. ${target.diskless}`);
  for (const cell of tally.empty) say(`NEVER: ${cell}`);
  for (const sentence of wrong) say(`WRONG: ${sentence}`);
  const { lost, doubled, overlapping, torn, transactions, versions, cuts, pastCuts } = sums;
  conclude('crashes', {
    ...{
      kills: tally.sum('kill'),
      enospc: tally.sum('ENOSPC'),
      eio: tally.sum('EIO'),
      steps: tally.rows.length,
      never_struck: tally.empty.length,
    },
    ...{ lost, doubled, overlapping, torn, wrong: wrong.length, rounds, transactions, versions },
    ...{ cuts, past_cuts: pastCuts, seed, seconds },
  });
}

const began = performance.now();
const targets = allTargets();
const ofEach = Math.ceil(kills / targets.length);
const errors = Math.ceil(ofEach / killsOfAnError);
const campaign = new Campaign({
  ...{ targets, quotas: { kill: ofEach, ENOSPC: errors, EIO: errors }, database, folder, seed, said: say },
  ...{ lanes: argument('lanes', 3), strikesOfRound: argument('strikes', 40), pace: { connections: 2, rest: 20 } },
});
try {
  const result = await campaign.run();
  report(result, (performance.now() - began) / 1000);
  const { wrong, tally } = result;
  process.exitCode = wrong.length > 0 || tally.empty.length > 0 || tally.sum('kill') < kills ? 1 : 0;
} finally {
  await server.stop();
  if (process.exitCode === 0) await rm(folder, { recursive: true, force: true });
}
