/** The property tests on many random cases: what every change of the engine must still be true of. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argument } from './measuring/arguments.js';
import { conclude } from './measuring/report.js';

const runs = argument('runs', 2000);
const tests = ['libs/scd2/src/laws', 'e2e/histories', 'e2e/list-query', 'libs/delta-log/src/load-snapshot'];

const folder = await mkdtemp(join(tmpdir(), 'laws-'));
const report = join(folder, 'report.json');
const started = performance.now();
const jest = spawn(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    '--verbose',
    '--testTimeout=3600000',
    '--json',
    `--outputFile=${report}`,
    ...tests,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, RUNS: String(runs) } },
);
const status = await new Promise<number | null>((resolve) => jest.once('exit', resolve));
const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
await rm(folder, { recursive: true });
const seconds = (performance.now() - started) / 1000;
conclude('laws', { runs, passed: numPassedTests, failed: numFailedTests, seconds });
process.exitCode = status ?? 1;
