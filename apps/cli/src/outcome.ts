import { exitCodes, type ExitCode } from './exit-codes.js';
import type { OperationAnswer } from './operation.js';
import { textTable } from './text-table.js';

type Report = Readonly<Record<string, unknown>>;
type Scalar = string | number | boolean | null;

/** Whether an operation did what was asked; a verification must also have found nothing. */
export function exitCodeOf({ state, report }: OperationAnswer): ExitCode {
  return state === 'done' && report?.['equal'] !== false ? exitCodes.fine : exitCodes.failed;
}

/** How an operation ended, for people: a sentence, then the figures of its report, then its tables. */
export function describe(name: string, operation: OperationAnswer): string {
  const what = `The ${name} of ${operation.table ?? 'all tables'}`;
  if (operation.state === 'failed') return `${what} failed (${operation.failure}): ${operation.error}\n`;
  if (operation.state === 'cancelled') return `${what} was cancelled.\n`;
  const report = operation.report ?? {};
  return `${what} is done.\n${figures(report)}${tables(report)}`;
}

const isScalar = (value: unknown): value is Scalar => typeof value !== 'object' || value === null;
const isRows = (value: unknown): value is Report[] =>
  Array.isArray(value) && value.length > 0 && value.every((row) => !isScalar(row));

/** By their names, nested ones after a colon; lists of names are joined, and empty ones left out. */
function figures(report: Report): string {
  const rows = figuresOf(report, '');
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join('');
}

function figuresOf(report: Report, prefix: string): [string, string][] {
  return Object.entries(report).flatMap(([key, value]): [string, string][] => {
    const name = `${prefix}${key.replaceAll('_', ' ')}`;
    if (isScalar(value)) return [[name, String(value ?? '-')]];
    if (!Array.isArray(value)) return figuresOf(value as Report, `${name}: `);
    return value.length > 0 && value.every(isScalar) ? [[name, value.join(', ')]] : [];
  });
}

/** Lists of things, each with the columns that one line can hold; --json shows the rest. */
function tables(report: Report): string {
  const all = Object.values(report).filter(isRows).map(tableOf);
  return all.map((text) => `\n${text}`).join('') + (hasExamples(report) ? '\n--json shows examples.\n' : '');
}

function tableOf(rows: readonly Report[]): string {
  const headings = Object.keys(rows[0]!).filter((name) => rows.every((row) => isScalar(row[name])));
  const cells = rows.map((row) => headings.map((name) => row[name] as string | number | null));
  return textTable(headings, cells);
}

/** Whether there is one anywhere: in a list, or in lists by their kinds. */
function hasExamples(value: unknown): boolean {
  if (isScalar(value)) return false;
  return Object.entries(value as Report).some(([name, inner]) =>
    name === 'examples' ? JSON.stringify(inner).includes('[{') : hasExamples(inner),
  );
}
