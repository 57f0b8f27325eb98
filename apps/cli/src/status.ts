import { textTable } from './text-table.js';

interface Table {
  readonly table: string;
  readonly folded: number;
  readonly drifted: boolean;
  readonly fold_error: string | null;
}

interface Running {
  readonly kind: string;
  readonly id: string;
  readonly table: string | null;
  readonly done: number;
  readonly total: number | null;
}

interface Source {
  readonly lag_seconds: number | null;
  readonly slot: {
    slot: string;
    status: string | null;
    active: boolean;
    retained_bytes: number;
    limit_bytes: number | null;
  } | null;
  readonly topic: { topic: string; end: number | null; lag: number | null } | null;
  readonly connector: { connector: string; state: string | null; task: string | null } | null;
  readonly troubles: readonly string[];
}

interface Status {
  readonly state: string;
  readonly error: string | null;
  readonly position: number | null;
  readonly watermark: { readonly time: string } | null;
  /** Absent in the answer of an older projector. */
  readonly source?: Source;
  readonly tables: readonly Table[];
  readonly operations: readonly Running[];
}

/** `GET /v1/status` for people. */
export function describeStatus(answer: Readonly<Record<string, unknown>>): string {
  const { state, error, position, watermark, source, tables, operations } = answer as unknown as Status;
  const head = [
    `state      ${state}${error ? `: ${error}` : ''}`,
    `position   ${position ?? '-'}`,
    `final to   ${watermark?.time ?? '-'}`,
    ...(source ? sourceLines(source) : []),
  ];
  const rows = tables.map(({ table, folded, drifted, fold_error }) => [
    ...[table, folded, position === null ? null : position - folded],
    fold_error ?? (drifted ? 'made by another catalog, waits for its rebuild' : 'fine'),
  ]);
  const running = operations.map(({ kind, id, table, done, total }) => [kind, table ?? 'all', done, total, id]);
  return [
    `${head.join('\n')}\n`,
    rows.length > 0 ? `\n${textTable(['table', 'folded', 'behind', 'state'], rows)}` : '',
    running.length > 0 ? `\n${textTable(['running', 'table', 'done', 'of', 'id'], running)}` : '',
  ].join('');
}

/** The way from the source: each part that it has, then what is wrong with it. */
function sourceLines({ lag_seconds, slot, topic, connector, troubles }: Source): string[] {
  return [
    `lag        ${lag_seconds === null ? '-' : `${lag_seconds.toFixed(1)} s`}`,
    ...(connector
      ? [`connector  ${connector.connector}: ${connector.state ?? 'missing'}, task ${connector.task ?? '-'}`]
      : []),
    ...(topic
      ? [`topic      ${topic.topic}: ${topic.end === null ? 'missing' : `${topic.lag ?? '?'} records to read`}`]
      : []),
    ...(slot ? [`slot       ${slotLine(slot)}`] : []),
    ...troubles.map((trouble) => `trouble    ${trouble}`),
  ];
}

function slotLine({ slot, status, active, retained_bytes, limit_bytes }: NonNullable<Source['slot']>): string {
  if (status === null) return `${slot}: missing`;
  const limit = limit_bytes === null ? 'without limit' : `of ${megabytes(limit_bytes)}`;
  return `${slot}: ${status}, ${active ? 'read' : 'not read'}, keeps ${megabytes(retained_bytes)} ${limit}`;
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MB`;
