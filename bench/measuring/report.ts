/** What a benchmark says: tables for people, and as its last line one JSON object for programs. */
import type { Usage } from './process-usage.js';

type Cell = string | number;

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Columns as wide as their widest cell; numbers to the right. */
export function table(title: string, head: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? rounded(cell) : cell)));
  const widths = head.map((name, i) => Math.max(name.length, ...texts.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  say(`\n${title}`);
  for (const cells of [head, widths.map((width) => '-'.repeat(width)), ...texts]) say(line(cells));
}

/** A row a process: how many seconds of processor time it took, as a share of one core too, and its memory at most. */
export function usageTable(usage: ReadonlyMap<string, Usage>, seconds: number, title = 'Processes'): void {
  table(
    `${title} (${rounded(seconds)} s)`,
    ['process', 'CPU s', 'cores', 'peak MB'],
    [...usage].map(([name, { cpuSeconds, peakMegabytes }]) => [
      name,
      cpuSeconds,
      (cpuSeconds / seconds).toFixed(2),
      peakMegabytes,
    ]),
  );
}

/** Figures of the last line: `projector_cpu_s`, `projector_peak_mb`, … */
export function usageFigures(usage: ReadonlyMap<string, Usage>, prefix = ''): Record<string, number> {
  return Object.fromEntries(
    [...usage].flatMap(([name, { cpuSeconds, peakMegabytes }]) => {
      const key = prefix + name.toLowerCase().replaceAll(/\W+/g, '_');
      return [
        [`${key}_cpu_s`, cpuSeconds],
        [`${key}_peak_mb`, peakMegabytes],
      ];
    }),
  );
}

/** The last line. */
export function conclude(bench: string, results: Readonly<Record<string, number>>): void {
  const shown = Object.entries(results).map(([figure, value]) => [figure, Number(value.toPrecision(5))]);
  say(`\n${JSON.stringify({ bench, results: Object.fromEntries(shown) })}`);
}

export const rounded = (value: number): string =>
  Number.isInteger(value) || Math.abs(value) >= 1000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
