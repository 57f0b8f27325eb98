/**
 * The crash matrix: a projector under load is killed, or finds its disk full or failing, at every step that has a name, and
 * is started again, a thousand times; then the lake must hold what the source's own record says, and readers that looked on
 * must have seen nothing but ends of transactions.
 */
import { startPostgres } from '#libs/embedded-postgres';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { Campaign, type CampaignResult } from './crashes/campaign.js';
import { failingDisk, FullDiskEpisode, type FullDisk } from './crashes/full-disk.js';
import { Lane } from './crashes/lane.js';
import { allTargets, labelOf } from './crashes/targets.js';
import type { Pace } from './crashes/workload.js';
import { bank } from './crashes/bank.js';
import { museum } from './crashes/worlds/museum.js';
import { students } from './crashes/worlds/students.js';
import { argument } from './measuring/arguments.js';
import { conclude, say, table } from './measuring/report.js';

/** In all, about: each step gets as many. */
const kills = argument('kills', 1000);
/** Seconds for which a projector's disk is full meanwhile. */
const fullSeconds = argument('full', 90);
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

/** Beside the campaign: a source and a lake of its own, and the same load. */
async function fullDisk(): Promise<FullDisk> {
  const [name, at] = ['crashes_full_disk', join(folder, 'full-disk')];
  await mkdir(at);
  const options = { databaseUrl: await database(name), name, folder: at, resnapshots: false, seed };
  const lane = await Lane.open({ ...options, pace, world: museum });
  try {
    const { waited, wrong } = await FullDiskEpisode.run(lane, failingDisk(at), fullSeconds);
    const { lost, doubled, overlapping, torn, wrong: more } = await lane.finish();
    const bad = lost + doubled + overlapping + torn > 0 ? [JSON.stringify({ lost, doubled, overlapping, torn })] : [];
    return { waited, wrong: [...wrong, ...bad, ...more].map((sentence) => `full disk: ${sentence}`) };
  } catch (error) {
    return { waited: 0, wrong: [`full disk: ${(error as Error).stack}`] };
  } finally {
    await lane.close();
  }
}

function report(
  { tally, rounds, sums, wrong, ofWorlds, verified }: CampaignResult,
  full: FullDisk,
  seconds: number,
): void {
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
  table(
    'Catalogs',
    ['catalog', 'rounds', 'kills', 'errors', 'transactions', 'versions'],
    [...ofWorlds].map(([name, of]) => [name, of.rounds, of.kills, of.errors, of.transactions, of.versions]),
  );
  say(
    `\nVerifications: ${Object.entries(verified)
      .map(([outcome, count]) => `${count} ${outcome}`)
      .join(', ')}.`,
  );
  say(`While the disk was full for ${fullSeconds} s, ${full.waited} transactions waited in the source.`);
  for (const cell of tally.empty) say(`NEVER: ${cell}`);
  for (const sentence of [...wrong, ...full.wrong]) say(`WRONG: ${sentence}`);
  const { lost, doubled, overlapping, torn, transactions, versions, cuts, pastCuts } = sums;
  conclude('crashes', {
    ...{
      kills: tally.sum('kill'),
      enospc: tally.sum('ENOSPC'),
      eio: tally.sum('EIO'),
      steps: tally.rows.length,
      never_struck: tally.empty.length,
    },
    ...{ lost, doubled, overlapping, torn, wrong: wrong.length + full.wrong.length, rounds, transactions, versions },
    ...{
      cuts,
      past_cuts: pastCuts,
      verified_equal: verified['equal']!,
      full_disk_s: fullSeconds,
      waited: full.waited,
      catalogs: ofWorlds.size,
      seed,
      seconds,
    },
  });
}

const began = performance.now();
const targets = allTargets();
const ofEach = Math.ceil(kills / targets.length);
const errors = Math.ceil(ofEach / killsOfAnError);
const pace: Pace = { connections: 2, rest: 20 };
const campaign = new Campaign({
  worlds: [bank, museum, students],
  ...{ targets, quotas: { kill: ofEach, ENOSPC: errors, EIO: errors }, database, folder, seed, said: say },
  ...{ lanes: argument('lanes', 3), strikesOfRound: argument('strikes', 40), pace },
});
try {
  const [result, full] = await Promise.all([campaign.run(), fullDisk()]);
  report(result, full, (performance.now() - began) / 1000);
  const { wrong, tally } = result;
  process.exitCode =
    wrong.length + full.wrong.length > 0 || tally.empty.length > 0 || tally.sum('kill') < kills ? 1 : 0;
} finally {
  await server.stop();
  if (process.exitCode === 0) await rm(folder, { recursive: true, force: true });
}
