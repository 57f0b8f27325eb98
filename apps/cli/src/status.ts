import { textTable } from './text-table.js';

interface Table {
  readonly table: string;
  readonly folded: number;
  readonly drifted: boolean;
  readonly fold_error: string | null;
}

interface Running {
  readonly kind: string;
  readonly table: string | null;
  readonly done: number;
  readonly total: number | null;
}

interface Status {
  readonly state: string;
  readonly error: string | null;
  readonly position: number | null;
  readonly watermark: { readonly time: string } | null;
  readonly tables: readonly Table[];
  readonly operations: readonly Running[];
}

/** `GET /v1/status` for people. */
export function describeStatus(answer: Readonly<Record<string, unknown>>): string {
  const { state, error, position, watermark, tables, operations } = answer as unknown as Status;
  const head = [
    `state      ${state}${error ? `: ${error}` : ''}`,
    `position   ${position ?? '-'}`,
    `final to   ${watermark?.time ?? '-'}`,
  ];
  const rows = tables.map(({ table, folded, drifted, fold_error }) => [
    ...[table, folded, position === null ? null : position - folded],
    fold_error ?? (drifted ? 'made by another catalog, waits for its rebuild' : 'fine'),
  ]);
  const running = operations.map(({ kind, table, done, total }) => [kind, table ?? 'all', done, total]);
  return [
    `${head.join('\n')}\n`,
    rows.length > 0 ? `\n${textTable(['table', 'folded', 'behind', 'state'], rows)}` : '',
    running.length > 0 ? `\n${textTable(['running', 'table', 'done', 'of'], running)}` : '',
  ].join('');
}
