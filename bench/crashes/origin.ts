/** Who made a version, by the events of its transaction: its row's own, else all of them where they agree. */
import type { RecordedChange } from './record.js';

export interface Origin {
  readonly actor: string | null;
  readonly command: string | null;
}

const nobody: Origin = { actor: null, command: null };

/** `events`: the table of them, if there is one. */
export function originOf(
  { table, key }: RecordedChange,
  changes: readonly RecordedChange[],
  events: string | undefined,
): Origin {
  const told = changes.flatMap((change) => (change.table === events && change.after ? [change.after] : []));
  const stream = key === null ? null : `${table}:${(JSON.parse(key) as string[]).join('/')}`;
  const own = told.findLast((event) => event['stream_id'] === stream);
  if (own) return signature(own['metadata']!);
  const all = told.map(({ metadata }) => signature(metadata!));
  return all.every((one) => JSON.stringify(one) === JSON.stringify(all[0])) ? (all[0] ?? nobody) : nobody;
}

function signature(metadata: string): Origin {
  const { actor, command } = JSON.parse(metadata) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' ? value : null);
  return { actor: text(actor), command: text(command) };
}
