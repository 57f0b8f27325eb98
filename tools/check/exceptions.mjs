import { readFileSync } from 'node:fs';

/** `{rule, file, name?, reason}`: the one list of what a rule does not apply to, and why. */
const exceptions = JSON.parse(readFileSync(new URL('exceptions.json', import.meta.url), 'utf8'));

/** @returns the steps' findings without the excepted ones, and the exceptions that nothing needs any more. */
export function withoutExceptions(steps) {
  const used = new Set();
  const excepted = (finding) => {
    const match = exceptions.find(
      ({ rule, file, name }) =>
        rule === finding.rule && file === finding.file && (name === undefined || name === finding.name),
    );
    if (match) used.add(match);
    return match !== undefined;
  };
  const findings = steps.map(({ name, findings: all }) => ({ name, findings: all.filter((one) => !excepted(one)) }));
  return { findings, stale: exceptions.flatMap((exception) => problemOf(exception, used)) };
}

function problemOf(exception, used) {
  const { rule, file, name } = exception;
  const message = `the exception from ${rule}${name ? ` for ${name}` : ''}`;
  const remedy = 'Correct tools/check/exceptions.json.';
  if (!(exception.reason?.length > 20))
    return [{ rule: 'exception', file, message: `${message} gives no reason`, remedy }];
  return used.has(exception) ? [] : [{ rule: 'exception', file, message: `${message} is needed no more`, remedy }];
}
