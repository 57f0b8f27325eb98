import { readFileSync } from 'node:fs';
import { repositoryFiles, root } from './processes.mjs';

const engine = /^(?:apps\/(?:projector|query-api)|libs\/(?!university\/))/;
const binary = /\.(?:png|jpg|ico|woff2?|gz|parquet|jar)$/;

/** A rule finds lines of files; its remedy says what to do instead. */
const lineRules = [
  {
    rule: 'the-engine-knows-no-student',
    applies: (file) => engine.test(file) && !file.endsWith('spec.ts'),
    line: /student/i,
    message: 'the engine knows no domain',
    remedy: 'Take it from the catalog that the composition root hands in.',
  },
  {
    rule: 'no-registry-host',
    applies: (file) => file !== 'tools/check/house-rules.mjs',
    line: /registry\.(?:npmjs|yarnpkg)\.|^\s*(?:@[\w-]+:)?registry\s*=|"resolved":\s*"https?:/,
    message: 'names a package registry',
    remedy: 'Installation works behind any mirror only if no file names one; .npmrc keeps hosts out of the lock file.',
  },
  {
    rule: 'no-machine-path',
    applies: (file) => file !== 'package-lock.json',
    line: /(?<![\w.~:/-])\/(?:root|work|home\/[a-z]\w*|Users\/\w+)\/\w|\.\.\/shared\//,
    message: 'names a path of one machine',
    remedy: 'Use a path relative to the repository, or os.tmpdir().',
  },
];

const vagueFolder = /(?:^|\/)(utils?|common|helpers?|shared|types|interfaces|dto)\//;

export function houseRules() {
  const files = repositoryFiles();
  return [...files.filter((file) => vagueFolder.test(file)).map(vagueFolderFinding), ...files.flatMap(lineFindings)];
}

const vagueFolderFinding = (file) => ({
  rule: 'a-folder-is-a-concept',
  file,
  message: `${vagueFolder.exec(file)[1]} names no concept`,
  remedy: 'Put the file beside what it serves, or name the folder after what it is about.',
});

function lineFindings(file) {
  const rules = lineRules.filter(({ applies }) => applies(file));
  if (rules.length === 0 || binary.test(file)) return [];
  const lines = readFileSync(`${root}${file}`, 'utf8').split('\n');
  return rules.flatMap(({ rule, line, message, remedy }) =>
    lines.flatMap((text, i) => (line.test(text) ? [{ rule, file, line: i + 1, message, remedy }] : [])),
  );
}
