/** One size: the lake is made up, then the projector and the read side work on it, each in a process of its own. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Catalog } from '#libs/catalog';
import { median } from '../measuring/latencies.js';
import { rounded, say, table as print } from '../measuring/report.js';
import { History } from './history.js';
import { catalogOf, makeUpLake } from './made-up-lake.js';
import type { ProjectorOptions, ProjectorQuestions } from './projector-process.js';
import type { ReaderOptions, ReaderQuestions } from './reader-process.js';
import { Worker } from './worker.js';

export interface LakeSize {
  readonly table: string;
  readonly keys: number;
  readonly versions: number;
}

export interface LakeFigures extends LakeSize {
  readonly figures: Readonly<Record<string, number>>;
}

const million = 1_000_000;
const refreshed = [
  { changes: 100, times: 20, aim: 20 },
  { changes: 1000, times: 10, aim: 40 },
] as const;
/** Changes of a fold, in transactions of 100, and how often it is measured. */
const folded = { changes: 10_000, times: 5 };

export async function measureLake(folder: string, catalog: Catalog, size: LakeSize): Promise<LakeFigures> {
  const title = `${rounded(size.versions / million)} M versions of ${rounded(size.keys / million)} M keys`;
  say(`\n# ${title}`);
  const making = performance.now();
  const own = catalogOf(catalog, size.table);
  await makeUpLake(folder, own, new History(own.tables[0]!, size.keys, size.versions), { texts: false });
  const made = (performance.now() - making) / 1000;
  say(`made up in ${rounded(made)} s: ${rounded(gigabytes(folder))} GB`);
  const options = { folder, ...size };
  const projector = new Worker<ProjectorQuestions>(program('projector'), options satisfies ProjectorOptions);
  try {
    const answered = await withReader(options, measureAnswers);
    const followed = await withReader(options, (reader) => measureFollowing(reader, projector));
    return { ...size, figures: { ...answered, ...followed, ...(await measureFolds(projector)) } };
  } finally {
    await projector.stop();
  }
}

async function withReader<T>(options: ReaderOptions, work: (reader: Worker<ReaderQuestions>) => Promise<T>) {
  const reader = new Worker<ReaderQuestions>(program('reader'), options);
  try {
    return await work(reader);
  } finally {
    await reader.stop();
  }
}

async function measureAnswers(reader: Worker<ReaderQuestions>): Promise<Record<string, number>> {
  await reader.ask('start', null);
  const answers = await reader.ask('answer', null);
  print(
    'Answers, beside one file sorted by key and time',
    ['', 'ms p50', 'file ms', 'times', 'aim'],
    answers.map(({ name, lake, file, aim }) => [name, lake, file, (lake / file).toFixed(2), aim]),
  );
  const figures = answers.flatMap(({ name, lake, file }) => {
    const figure = name.replaceAll(/\W+/g, '_');
    return [
      [`${figure}_ms`, lake],
      [`${figure}_ratio`, lake / file],
    ] as const;
  });
  return Object.fromEntries(figures);
}

async function measureFollowing(reader: Worker<ReaderQuestions>, projector: Worker<ProjectorQuestions>) {
  const start = await reader.ask('start', null);
  const rows: [string, number, string][] = [['start, s', start, '']];
  const figures: Record<string, number> = { reader_start_s: start };
  for (const { changes, times, aim } of refreshed) {
    const took: number[] = [];
    for (let i = 0; i < times; i++) {
      const position = await projector.ask('append', { transactions: 1, changes, share: 1 });
      took.push(...(await reader.ask('refreshes', position)));
    }
    figures[`refresh_${changes}_ms`] = median(took);
    rows.push([`refresh by ${changes}, ms`, median(took), `${aim}`]);
  }
  const { megabytes, peak } = await reader.ask('memory', null);
  rows.push(['memory, MB', megabytes, '1024; 2048 with 5 M keys'], ['at most, MB', peak, '']);
  print('A reader', ['', 'p50', 'aim'], rows);
  return { ...figures, reader_mb: megabytes, reader_peak_mb: peak };
}

async function measureFolds(projector: Worker<ProjectorQuestions>) {
  const fold = async (share: number) => {
    const took: number[] = [];
    for (let i = -1; i < folded.times; i++) {
      await projector.ask('append', { transactions: folded.changes / 100, changes: 100, share });
      const milliseconds = await projector.ask('fold', null);
      if (i >= 0) took.push(milliseconds); // the first has what the reader was refreshed by as well
    }
    return median(took);
  };
  const [uniform, tenth] = [await fold(1), await fold(0.1)];
  const { megabytes, peak } = await projector.ask('memory', null);
  print(
    'The projector',
    ['', 'p50', 'aim'],
    [
      ['fold of 10 000 changes, ms', uniform, ''],
      ['into a tenth of the keys, ms', tenth, '2000 with 5 M keys'],
      ['memory, MB', megabytes, ''],
      ['at most, MB', peak, '1024'],
    ],
  );
  return { fold_uniform_ms: uniform, fold_tenth_ms: tenth, projector_mb: megabytes, projector_peak_mb: peak };
}

const program = (name: string) => new URL(`${name}-process.js`, import.meta.url);

const gigabytes = (folder: string): number =>
  readdirSync(folder, { recursive: true })
    .map((name) => statSync(join(folder, String(name))))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0) /
  2 ** 30;
