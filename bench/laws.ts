/** The property tests on many random cases: what every change of the engine must still be true of. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argument } from './measuring/arguments.js';
import { conclude, say, table } from './measuring/report.js';

const runs = argument('runs', 2000);
const seed = argument('seed', 1 + (Date.now() % 1_000_000));
const tests = ['e2e/laws', 'libs/scd2/src/laws', 'e2e/histories', 'e2e/list-query', 'libs/delta-log/src/load-snapshot'];

interface Test {
  readonly title: string;
  readonly status: string;
  readonly duration: number | null;
  readonly failureMessages: readonly string[];
}

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly assertionResults: readonly Test[] }[];
}

const folder = await mkdtemp(join(tmpdir(), 'laws-'));
const file = join(folder, 'report.json');
const started = performance.now();
say(`--runs ${runs} --seed ${seed}`);
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--verbose',
    '--testTimeout=3600000',
    '--json',
    `--outputFile=${file}`,
    ...tests,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, RUNS: String(runs), SEED: String(seed) } },
);
const status = await new Promise<number | null>((resolve) => jest.once('exit', resolve));
const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(file, 'utf8')) as Report;
await rm(folder, { recursive: true });

const all = testResults.flatMap(({ assertionResults }) => assertionResults);
const laws = all
  .map((test) => ({ ...test, told: /^law (\d+): (.*) \((\d+) histories\)$/.exec(test.title) }))
  .filter(({ told }) => told)
  .toSorted((a, b) => Number(a.told![1]) - Number(b.told![1]));
table(
  'Laws, the whole way from a database to its readers',
  ['law', 'histories', 'result', 's'],
  laws.map(({ told, status: result, duration }) => [
    `${told![1]!.padStart(2)} ${told![2]!}`,
    Number(told![3]),
    result,
    (duration ?? 0) / 1000,
  ]),
);
const broken = all.filter(({ status: result }) => result === 'failed');
for (const { title, failureMessages } of broken) say(`\n${title}\n${failureMessages.join('\n')}`);
const seconds = (performance.now() - started) / 1000;
const histories = laws.reduce((sum, { told }) => sum + Number(told![3]), 0);
conclude('laws', { runs, histories, passed: numPassedTests, failed: numFailedTests, seconds });
process.exitCode = status ?? 1;
