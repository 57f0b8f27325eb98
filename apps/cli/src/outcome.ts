import { exitCodes, type ExitCode } from './exit-codes.js';
import type { OperationAnswer } from './operation.js';
import { textTable } from './text-table.js';

type Report = Readonly<Record<string, unknown>>;

/** Whether an operation did what was asked; a verification must also have found nothing. */
export function exitCodeOf({ state, report }: OperationAnswer): ExitCode {
  return state === 'done' && report?.['equal'] !== false ? exitCodes.fine : exitCodes.failed;
}

/** How an operation ended, for people: a sentence, then the figures of its report. */
export function describe(name: string, operation: OperationAnswer): string {
  const what = `The ${name} of ${operation.table ?? 'all tables'}`;
  if (operation.state === 'failed') return `${what} failed (${operation.failure}): ${operation.error}\n`;
  if (operation.state === 'cancelled') return `${what} was cancelled.\n`;
  return `${what} is done.\n${figures(operation.report ?? {})}`;
}

/** Numbers, texts and flags by their names, nested ones with a dot; lists are told by their length. */
function figures(report: Report): string {
  const rows = entriesOf(report, '').map(([name, value]) => [name, value] as const);
  return rows.length > 0 ? textTable(['', ''], rows).split('\n').slice(1).join('\n') : '';
}

function entriesOf(report: Report, prefix: string): [string, string][] {
  return Object.entries(report).flatMap(([key, value]): [string, string][] => {
    const name = `${prefix}${key.replaceAll('_', ' ')}`;
    if (Array.isArray(value)) return value.length > 0 ? [[name, listed(value)]] : [];
    if (typeof value === 'object' && value !== null) return entriesOf(value as Report, `${name}: `);
    return [[name, String(value ?? '-')]];
  });
}

const listed = (values: readonly unknown[]): string =>
  values.every((value) => typeof value !== 'object')
    ? values.join(', ')
    : `${JSON.stringify(values[0])}${values.length > 1 ? ` and ${values.length - 1} more (--json shows them)` : ''}`;
