/**
 * The long work of this process: what runs, and what the last ones came to. In memory, because work dies with its process
 * and what it committed is in the lake's own logs; a restart forgets what was asked.
 */
import { randomUUID } from 'node:crypto';
import type { Operation } from './operation.js';

export const operationKinds = ['fold', 'rebuild', 'resnapshot', 'verification'] as const;
export type OperationKind = (typeof operationKinds)[number];

export const operationStates = ['running', 'done', 'cancelled', 'failed'] as const;
export type OperationState = (typeof operationStates)[number];

/** What an operation is about. A null table: all of them. */
export interface Subject {
  readonly kind: OperationKind;
  readonly table: string | null;
}

export interface OperationStatus extends Subject {
  readonly id: string;
  readonly state: OperationState;
  readonly done: number;
  readonly total: number | null;
  readonly report: object | null;
  readonly error: Error | null;
  readonly createdAt: Date;
  readonly finishedAt: Date | null;
}

/** One of this kind and table is at work already. */
export class AlreadyRunning extends Error {
  readonly code = 'already-running';
  constructor(readonly running: OperationStatus) {
    const { kind, table } = running;
    super(`A ${kind} of ${table ?? 'all tables'} is running already.`);
    this.name = 'AlreadyRunning';
  }
}

/** Operations that have ended and are still told about. */
const remembered = 100;

interface Entry {
  status: OperationStatus;
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
}

export class Operations {
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly ended: (status: OperationStatus) => void = () => {}) {}

  /** @throws AlreadyRunning */
  start(subject: Subject, operation: Operation): OperationStatus {
    const running = this.running.find(({ kind, table }) => kind === subject.kind && table === subject.table);
    if (running) throw new AlreadyRunning(running);
    const begun = { done: 0, total: null, report: null, error: null, finishedAt: null };
    const status: OperationStatus = { ...subject, ...begun, id: randomUUID(), state: 'running', createdAt: new Date() };
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry: Entry = { status, stopping: new AbortController(), ended: promise };
    this.entries.set(status.id, entry);
    void this.conduct(entry, operation).then(resolve);
    return status;
  }

  find(id: string): OperationStatus | null {
    return this.entries.get(id)?.status ?? null;
  }

  /** Newest first. */
  list(kind: OperationKind): OperationStatus[] {
    return this.all.filter((status) => status.kind === kind).reverse();
  }

  get running(): OperationStatus[] {
    return this.all.filter(({ state }) => state === 'running');
  }

  /** Resolves when it has ended, however; what it came to is found afterwards. */
  async whenEnded(id: string): Promise<void> {
    await this.entries.get(id)?.ended;
  }

  /** Asks it to end, and resolves when it has. One that has ended stays as it is. */
  async cancel(id: string): Promise<void> {
    this.entries.get(id)?.stopping.abort();
    await this.whenEnded(id);
  }

  /** Resolves when none is at work. */
  async stop(): Promise<void> {
    await Promise.all(this.running.map(({ id }) => this.cancel(id)));
  }

  private get all(): OperationStatus[] {
    return [...this.entries.values()].map(({ status }) => status);
  }

  /** Never rejects. The last word is with the work: what it finished before it heard of its cancellation is done. */
  private async conduct(entry: Entry, operation: Operation): Promise<void> {
    const { signal } = entry.stopping;
    const update = (news: Partial<OperationStatus>) => (entry.status = { ...entry.status, ...news });
    try {
      const report = await operation.run((done, total) => update({ done, total }), signal);
      update({ state: 'done', report });
    } catch (error) {
      update(signal.aborted ? { state: 'cancelled' } : { state: 'failed', error: error as Error });
    }
    update({ finishedAt: new Date() });
    this.forget();
    this.ended(entry.status);
  }

  private forget(): void {
    const over = this.all.filter(({ state }) => state !== 'running');
    for (const { id } of over.slice(0, -remembered)) this.entries.delete(id);
  }
}
