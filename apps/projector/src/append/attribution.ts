import type { ChangeEvent } from '#libs/change-event';

/** Who changed something, by which command, in whose course. All null: somebody's direct SQL, or a snapshot. */
export interface Origin {
  readonly actor: string | null;
  readonly command: string | null;
  readonly correlation_id: string | null;
}

const unknown: Origin = { actor: null, command: null, correlation_id: null };

/**
 * Learns from a transaction's events who made its changes: the event of the row's own stream says it; else the
 * transaction's events, if they agree; else nobody is named.
 */
export class Attribution {
  private readonly byStream = new Map<string, Origin>();
  private agreed: Origin | null = null;
  private disagree = false;

  constructor(private readonly eventTable: string | undefined) {}

  collect({ table, op, after }: ChangeEvent): void {
    if (table !== this.eventTable || op !== 'c' || !after?.stream_id) return;
    const origin = this.share(originOf(after.metadata ?? null));
    this.byStream.set(after.stream_id, origin);
    if (this.agreed && origin !== this.agreed) this.disagree = true;
    this.agreed ??= origin;
  }

  of({ table, key }: { table: string; key: string | null }): Origin {
    if (!this.agreed) return unknown;
    const own = key === null ? undefined : this.byStream.get(this.streamOf(table, JSON.parse(key) as string[]));
    return own ?? (this.disagree ? unknown : this.agreed);
  }

  /** An event is its own witness: its key is (stream, version). */
  private streamOf(table: string, key: string[]): string {
    return table === this.eventTable ? key[0]! : `${table}:${key.join('/')}`;
  }

  /** One object for equal origins, so that a transaction of a million events keeps one, and agreement is identity. */
  private share(origin: Origin): Origin {
    const { agreed } = this;
    const equal =
      agreed?.actor === origin.actor &&
      agreed.command === origin.command &&
      agreed.correlation_id === origin.correlation_id;
    return equal ? agreed! : origin;
  }
}

function originOf(metadata: string | null): Origin {
  const { actor, command, correlation_id } = parse(metadata);
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
