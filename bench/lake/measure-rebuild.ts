/** Versions of a table made anew from all of its changes, beside those that are there. */
import type { Catalog } from '#libs/catalog';
import { rounded, table as print } from '../measuring/report.js';
import { History } from './history.js';
import { catalogOf, makeUpLake } from './made-up-lake.js';
import type { ProjectorOptions, ProjectorQuestions } from './projector-process.js';
import { Worker } from './worker.js';

const aim = 90;
const keys = 1_000_000;

export async function measureRebuild(
  folder: string,
  catalog: Catalog,
  changes: number,
): Promise<Record<string, number>> {
  const own = catalogOf(catalog, 'students');
  const size = { table: 'students', keys, versions: changes };
  await makeUpLake(folder, own, new History(own.tables[0]!, keys, changes), { texts: true });
  const options = { folder, ...size } satisfies ProjectorOptions;
  const projector = new Worker<ProjectorQuestions>(new URL('projector-process.js', import.meta.url), options);
  try {
    const report = await projector.ask('rebuild', null);
    const { peak } = await projector.ask('memory', null);
    if (report.changes !== changes || report.versions !== changes)
      throw new Error(`${report.versions} versions of ${report.changes} changes, where there are ${changes} of each.`);
    if (report.different > 0) throw new Error(`${report.different} versions came out different.`);
    print(
      `Rebuild of ${rounded(changes / 1e6)} M changes`,
      ['', '', 'aim'],
      [
        ['seconds', report.seconds, `${(aim * changes) / 1e7}`],
        ['memory at most, MB', peak, '1024'],
      ],
    );
    return { rebuild_s: report.seconds, rebuild_peak_mb: peak };
  } finally {
    await projector.stop();
  }
}
