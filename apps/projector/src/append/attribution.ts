import type { ChangeEvent, Row } from '#libs/change-event';

/** Who changed something, by which command, in whose course. All null: somebody's direct SQL, or a snapshot. */
export interface Origin {
  readonly actor: string | null;
  readonly command: string | null;
  readonly correlation_id: string | null;
}

/** Equal origins of one transaction are mostly one object. */
export type Attribution = (change: Pick<ChangeEvent, 'table' | 'key'>) => Origin;

const unknown: Origin = { actor: null, command: null, correlation_id: null };

/**
 * Learns from a transaction's events who made its changes: the event of the row's own stream says it; else the
 * transaction's events, if they agree; else nobody is named.
 *
 * Where they agree, nothing but that is kept of them. Only where they do not, and only while the transaction is written,
 * is each stream's origin in memory: a transaction may have millions of events.
 */
export class Testimony {
  private agreed: Origin | null = null;
  private disagree = false;

  constructor(private readonly eventTable: string | undefined) {}

  collect(change: ChangeEvent): void {
    if (this.disagree) return;
    const event = this.eventOf(change);
    if (!event) return;
    const origin = originOf(event);
    this.agreed ??= origin;
    this.disagree = !equal(this.agreed, origin);
  }

  /** `chunks`: the whole transaction again. */
  async attribution(chunks: () => AsyncIterable<readonly ChangeEvent[]> | Iterable<readonly ChangeEvent[]>) {
    if (!this.disagree) return () => this.agreed ?? unknown;
    const byStream = new Map<string, Origin>();
    let last = unknown;
    for await (const chunk of chunks())
      for (const change of chunk) {
        const event = this.eventOf(change);
        if (!event) continue;
        const origin = originOf(event);
        if (!equal(last, origin)) last = origin;
        byStream.set(event['stream_id']!, last);
      }
    return ({ table, key }: Parameters<Attribution>[0]): Origin =>
      (key === null ? undefined : byStream.get(this.streamOf(table, JSON.parse(key) as string[]))) ?? unknown;
  }

  private eventOf({ table, op, after }: ChangeEvent): Row | null {
    if (table !== this.eventTable || op !== 'c' || !after) return null;
    const event = JSON.parse(after) as Row;
    return event['stream_id'] ? event : null;
  }

  /** An event is its own witness: its key is (stream, version). */
  private streamOf(table: string, key: string[]): string {
    return table === this.eventTable ? key[0]! : `${table}:${key.join('/')}`;
  }
}

const equal = (one: Origin, other: Origin): boolean =>
  one.actor === other.actor && one.command === other.command && one.correlation_id === other.correlation_id;

function originOf({ metadata }: Row): Origin {
  const { actor, command, correlation_id } = parse(metadata ?? null);
  return { actor: textOrNull(actor), command: textOrNull(command), correlation_id: textOrNull(correlation_id) };
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Metadata that somebody wrote by hand may be anything; it then names nobody. */
function parse(metadata: string | null): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(metadata ?? '{}');
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
