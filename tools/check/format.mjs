import { node } from './processes.mjs';

export async function format() {
  const { status, stdout, output } = await node('node_modules/prettier/bin/prettier.cjs', '--list-different', '.');
  if (status > 1) throw new Error(output);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((file) => ({ rule: 'format', file, message: 'is not formatted', remedy: 'npm run format' }));
}
