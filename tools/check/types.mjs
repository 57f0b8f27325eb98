import { node } from './processes.mjs';

export async function types() {
  const { status, output } = await node(
    'node_modules/typescript/bin/tsc',
    '--noEmit',
    '--pretty',
    'false',
    '--project',
    'tsconfig.json',
  );
  const findings = [...output.matchAll(/^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/gm)];
  if (status !== 0 && findings.length === 0) throw new Error(output);
  return findings.map(([, file, line, rule, message]) => ({ rule, file, line, message }));
}
