import { parseArgs } from 'node:util';

/** `--name 5` of the command line, a number above 0; `standard` where it is not given. */
export function argument(name: string, standard: number): number {
  const { values } = parseArgs({ options: { [name]: { type: 'string' } }, strict: false });
  const given = values[name];
  if (given === undefined) return standard;
  if (!(Number(given) > 0)) throw new RangeError(`--${name} is ${String(given)}; wanted is a number above 0.`);
  return Number(given);
}
