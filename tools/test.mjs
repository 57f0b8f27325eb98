/** Runs the tests: the built services are under test, so a stale build is renewed first. Arguments go to Jest. */
import { spawnSync } from 'node:child_process';

const run = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
const status =
  run('tools/build.mjs', '--if-stale') ||
  run(
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    ...process.argv.slice(2),
  );
process.exit(status);
