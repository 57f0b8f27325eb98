/**
 * The gate: what CI runs, and what a commit must pass. Every step returns its findings; one summary stands at the end.
 * `node tools/check.mjs --write` renews the committed copies of the OpenAPI documents instead of comparing them.
 */
import { deadCode } from './check/dead-code.mjs';
import { dependencies } from './check/dependencies.mjs';
import { withoutExceptions } from './check/exceptions.mjs';
import { format } from './check/format.mjs';
import { houseRules } from './check/house-rules.mjs';
import { lint } from './check/lint.mjs';
import { openApiCopies, renewOpenApiCopies } from './check/openapi-copies.mjs';
import { node, root } from './check/processes.mjs';
import { types } from './check/types.mjs';

process.chdir(root);
const build = await node('tools/build.mjs', '--if-stale');
if (process.argv.includes('--write')) {
  if (build.status !== 0) fail(build.output);
  for (const line of await renewOpenApiCopies()) console.log(line);
  process.exit();
}

const steps = {
  format,
  lint,
  types,
  dependencies,
  'dead code': deadCode,
  'house rules': houseRules,
  'OpenAPI copies': () => openApiCopies(build),
};
const results = await Promise.all(
  Object.entries(steps).map(async ([name, step]) => ({ name, findings: await findingsOf(step) })),
);
const { findings, stale } = withoutExceptions(results);
for (const { name, findings: own } of findings) report(name, own);
if (stale.length > 0) report('exceptions', stale);

const failed = [...findings, { name: 'exceptions', findings: stale }].filter((step) => step.findings.length > 0);
if (failed.length === 0) console.log(`\nCheck passed: ${Object.keys(steps).join(', ')}.`);
else fail(`\nCheck failed: ${failed.map((step) => `${step.name} (${step.findings.length})`).join(', ')}.`);

/** A step that breaks is a finding, never a silent pass. */
async function findingsOf(step) {
  try {
    return await step();
  } catch (error) {
    return [{ rule: 'step-broke', message: error.message }];
  }
}

function report(name, own) {
  console.log(`${own.length === 0 ? '✓' : '✗'} ${name}`);
  for (const { file, line, rule, message, remedy } of own) {
    const place = file ? `${file}${line ? `:${line}` : ''}  ` : '';
    console.log(`    ${place}${message} [${rule}]${remedy ? `\n        → ${remedy}` : ''}`);
  }
}

function fail(text) {
  console.error(text);
  process.exit(1);
}
