import { readFileSync } from 'node:fs';
import { nodeJson, repositoryFiles, root } from './processes.mjs';

const remedies = {
  files: 'Delete it, or import it where it is needed.',
  dependencies: 'Remove it from package.json.',
  devDependencies: 'Remove it from package.json.',
  unlisted: 'Add it to package.json.',
  unresolved: 'Correct the import.',
  duplicates: 'Export it under one name.',
};

/**
 * Twice: as it stands (what nobody uses), and as the product alone, where a test's use does not count: an export that
 * only tests use is dead code with a test.
 */
export async function deadCode() {
  const [all, product] = (await Promise.all([knip(), knip('--production')])).map(withoutThrown);
  const known = new Set(all.map(keyOf));
  const testsOnly = product
    .filter((finding) => !known.has(keyOf(finding)))
    .map((finding) => ({
      ...finding,
      rule: `tests-only-${finding.rule}`,
      message: `${finding.message} but by tests`,
      remedy: 'Delete it with its test, or list it in tools/check/exceptions.json with the reason.',
    }));
  return [...all, ...testsOnly];
}

/** What a function throws is part of what it promises, whether somebody tells it apart yet or not. */
function withoutThrown(findings) {
  const sources = repositoryFiles().filter((file) => /^(?:apps|libs)\/.*\.ts$/.test(file));
  const promises = sources.flatMap((file) => [...readFileSync(`${root}${file}`, 'utf8').matchAll(/@throws ([^.*]+)/g)]);
  const thrown = new Set(promises.flatMap(([, names]) => names.match(/\b[A-Z]\w+/g) ?? []));
  return findings.filter(({ rule, name }) => rule !== 'unused-exports' || !thrown.has(name));
}

const keyOf = ({ rule, file, name }) => `${rule} ${file} ${name}`;

async function knip(...args) {
  const { issues } = await nodeJson(
    'node_modules/knip/bin/knip.js',
    '--reporter=json',
    '--no-progress',
    '--no-config-hints',
    '--no-exit-code',
    ...args,
  );
  return issues.flatMap(({ file, ...kinds }) =>
    Object.entries(kinds).flatMap(([kind, found]) =>
      Array.isArray(found) ? found.flat().map((symbol) => findingOf(kind, file, symbol)) : [],
    ),
  );
}

function findingOf(kind, file, { name, line }) {
  return {
    rule: `unused-${kind}`.replace(/^unused-(un|dup)/, '$1'),
    file,
    line,
    name,
    message: kind === 'files' ? 'is used by nothing' : `${name} is ${kind.startsWith('un') ? kind : 'used by nothing'}`,
    remedy: remedies[kind] ?? 'Delete it; if its own file alone needs it, do not export it.',
  };
}
