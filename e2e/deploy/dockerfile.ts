/** A Dockerfile as far as the tests follow it: its stages, and what each runs and copies. */
import { readFileSync } from 'node:fs';

export interface Stage {
  readonly from: string;
  readonly name: string | null;
  readonly runs: readonly string[];
  /** From the stage of that name, or from the build's context (null). */
  readonly copies: readonly { from: string | null; sources: readonly string[]; target: string }[];
  readonly other: Readonly<Record<string, string>>;
}

export function stagesOf(file: string): Stage[] {
  const lines = readFileSync(file, 'utf8')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line));
  const starts = lines.flatMap((line, i) => (line.startsWith('FROM ') ? [i] : []));
  return starts.map((start, i) => stageOf(lines.slice(start, starts[i + 1])));
}

function stageOf([first, ...lines]: string[]): Stage {
  const [, from, name = null] = /^FROM (\S+)(?: AS (\S+))?$/.exec(first!)!;
  const instructions = lines.map((line) => line.split(/ (.*)/s).slice(0, 2) as [string, string]);
  const all = (instruction: string) => instructions.filter(([word]) => word === instruction).map(([, rest]) => rest);
  const copies = all('COPY').map((text) => {
    const [, stage = null, paths] = /^(?:--from=(\S+) )?(.*)$/.exec(text)!;
    const words = paths!.split(' ');
    return { from: stage, sources: words.slice(0, -1), target: words.at(-1)! };
  });
  return { from: from!, name, runs: all('RUN'), copies, other: Object.fromEntries(instructions) };
}
