/**
 * What the layout of the lake is worth as its history grows: folds, refreshes, answers, memory, each on a lake that such a
 * history would have left, the answers beside one sorted file of the same versions.
 *
 *   --versions 1,10   millions of versions, of --keys (1) million keys
 *   --large           50 million versions of 5 million keys as well
 *   --rebuild 10      millions of changes that versions are made from anew
 *   --hour            an hour of ten commits a second, on a simulated clock
 */
import { statfs } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { university } from '#libs/university';
import { simulateHour } from './lake/hour.js';
import { measureLake, type LakeFigures } from './lake/measure-lake.js';
import { measureRebuild } from './lake/measure-rebuild.js';
import { conclude, say, table } from './measuring/report.js';

const million = 1_000_000;
/** Of disk, for a million versions and as many changes, twice. */
const gigabytesPerMillion = 0.35;

const { values } = parseArgs({
  options: {
    versions: { type: 'string', default: '1,10' },
    keys: { type: 'string', default: '1' },
    large: { type: 'boolean', default: false },
    rebuild: { type: 'string' },
    hour: { type: 'boolean', default: false },
  },
});
const keys = Number(values.keys) * million;
const sizes = values.versions.split(',').map((text) => ({ keys, versions: Number(text) * million }));
if (values.large) sizes.push({ keys: 5 * million, versions: 50 * million });

/** In a folder that is gone afterwards. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-lake-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function refuseFullDisk(): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir());
  const wanted = Math.max(...sizes.map(({ versions }) => versions / million)) * gigabytesPerMillion;
  if (bavail * bsize < wanted * 2 ** 30)
    throw new Error(
      `${tmpdir()} has ${Math.floor((bavail * bsize) / 2 ** 30)} GB left; wanted are ${Math.ceil(wanted)}.`,
    );
}

const name = ({ keys: count, versions }: { keys: number; versions: number }) =>
  `${versions / million}M_of_${count / million}M`;

await refuseFullDisk();
const figures: Record<string, number> = {};
const measured: LakeFigures[] = [];
for (const size of sizes) {
  const lake = await inFolder((folder) => measureLake(folder, university, { ...size, table: 'students' }));
  measured.push(lake);
  for (const [figure, value] of Object.entries(lake.figures)) figures[`${name(size)}_${figure}`] = value;
}
const [first, last] = [measured[0]!, measured.filter(({ keys: count }) => count === keys).at(-1)!];
if (first !== last) {
  const growth = last.figures['fold_uniform_ms']! / first.figures['fold_uniform_ms']!;
  figures['fold_growth'] = growth;
  table('The same keys, a longer history', ['', 'times', 'aim'], [['fold of 10 000 changes', growth, '1.2']]);
}
if (values.rebuild !== undefined)
  Object.assign(
    figures,
    await inFolder((folder) => measureRebuild(folder, university, Number(values.rebuild) * million)),
  );
if (values.hour) Object.assign(figures, await inFolder((folder) => simulateHour(folder, university)));
say('');
conclude('lake', figures);
