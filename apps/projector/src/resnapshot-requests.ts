import type { Transaction } from '#libs/change-event';
import type { TellProgress } from './operations/operation.js';

interface Request {
  readonly signal: AbortSignal | undefined;
  readonly progress: TellProgress;
  readonly fulfil: (position: number) => void;
  readonly refuse: (reason: Error) => void;
}

/** Who has asked for a new epoch of the source, and waits until the lake has its snapshot. */
export class ResnapshotRequests {
  private readonly requests = new Set<Request>();

  /** Whether somebody has not called it off. */
  get wanted(): boolean {
    return [...this.requests].some(({ signal }) => !signal?.aborted);
  }

  /** Resolves with the snapshot's last position. */
  add(signal?: AbortSignal, progress: TellProgress = () => {}): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.requests.add({ signal, progress, fulfil: resolve, refuse: reject });
    return promise;
  }

  /** The snapshot on its way to the lake: those who wait are told how much of it has come. */
  watched(snapshot: Transaction): Transaction {
    const told = [...this.requests];
    async function* counted() {
      let count = 0;
      for await (const chunk of snapshot.changes) {
        count += chunk.length;
        for (const { progress } of told) progress(count, null);
        yield chunk;
      }
    }
    return { ...snapshot, changes: counted() };
  }

  /** Also for who called it off too late. */
  fulfil(position: number): void {
    for (const { fulfil } of this.requests) fulfil(position);
    this.requests.clear();
  }

  /** While no life is under way, so that nothing of a snapshot can come to the lake any more. */
  dropCancelled(): void {
    for (const request of this.requests) {
      if (!request.signal?.aborted) continue;
      this.requests.delete(request);
      request.refuse(request.signal.reason as Error);
    }
  }
}
