/**
 * Every named step of the projector is in flight when it is killed, once each, under load and with failing disks in between.
 * `npm run bench:crashes` does it a thousand times.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emptyDatabase, type TestDatabase } from '#libs/test-postgres';
import { bank } from '../../bench/crashes/bank.js';
import { Campaign } from '../../bench/crashes/campaign.js';
import { fewTargets } from '../../bench/crashes/targets.js';
import { museum } from '../../bench/crashes/worlds/museum.js';

const databases: TestDatabase[] = [];
beforeAll(async () => void (await database())); // two at once would both make the worker's cluster
afterAll(() => Promise.all(databases.map((database) => database.close())));

async function database(): Promise<string> {
  const made = await emptyDatabase();
  databases.push(made);
  return made.url;
}

it('a projector that is killed anywhere loses and doubles nothing, and its readers see whole transactions', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'crash-matrix-'));
  const seed = Number(process.env['SEED'] ?? 1 + (Date.now() % 1e9));
  const campaign = new Campaign({
    ...{ targets: fewTargets(), quotas: { kill: 1, ENOSPC: 0, EIO: 0 }, database, folder, seed, said: () => {} },
    worlds: [bank, museum],
    ...{ lanes: 2, strikesOfRound: 40, pace: { connections: 2, rest: 30 } },
  });
  const { tally, sums, wrong } = await campaign.run();
  expect({ seed, wrong }).toEqual({ seed, wrong: [] });
  expect(sums).toMatchObject({ lost: 0, doubled: 0, overlapping: 0, torn: 0 });
  expect({ seed, notInFlight: tally.empty }).toEqual({ seed, notInFlight: [] });
  expect(tally.sum('ENOSPC') + tally.sum('EIO')).toBeGreaterThan(0);
  expect(sums.cuts).toBeGreaterThan(20);
  expect(sums.pastCuts).toBeGreaterThan(10);
  await rm(folder, { recursive: true });
}, 240_000);
