import { nodeJson } from './processes.mjs';

/** The rules are sentences, in .dependency-cruiser.cjs. */
export async function dependencies() {
  const { summary } = await nodeJson(
    'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
    'apps',
    'libs',
    'e2e',
    'tools',
    '--output-type=json',
  );
  const remedies = new Map(summary.ruleSetUsed.forbidden.map(({ name, comment }) => [name, comment]));
  return summary.violations.map(({ rule, from, to, cycle, via }) => ({
    rule: rule.name,
    file: from,
    name: to,
    message: `→ ${(cycle ?? via)?.map((step) => step.name).join(' → ') ?? to}`,
    remedy: remedies.get(rule.name),
  }));
}
