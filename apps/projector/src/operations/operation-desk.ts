/** Operations as HTTP shows them: begun, found, listed, cancelled. */
import type { FastifyReply } from 'fastify';
import { Problem } from '#libs/problems';
import { instant } from '../instant.js';
import type { Operation } from './operation.js';
import type { OperationResource, WaitQuery } from './operation.dto.js';
import { AlreadyRunning, Operations, type OperationKind, type OperationStatus, type Subject } from './operations.js';

/** Resource of a kind, with what came of it. */
export type Shown<Report> = OperationResource & { readonly report: Report | null };

export class OperationDesk {
  constructor(private readonly operations: Operations) {}

  /** 202 with the address where its progress shows; 200 with what it came to, for who waits. */
  async begin<Report>(
    subject: Subject,
    operation: Operation,
    { wait }: WaitQuery,
    reply: FastifyReply,
  ): Promise<Shown<Report>> {
    const { id } = this.started(subject, operation);
    const waits = wait === 'true';
    if (waits) await this.operations.whenEnded(id);
    void reply.code(waits ? 200 : 202).header('Location', addressOf(subject.kind, id));
    return this.show(subject.kind, id);
  }

  show<Report>(kind: OperationKind, id: string): Shown<Report> {
    return resourceOf(this.find(kind, id));
  }

  list<Report>(kind: OperationKind): Shown<Report>[] {
    return this.operations.list(kind).map((status) => resourceOf<Report>(status));
  }

  async cancel(kind: OperationKind, id: string): Promise<void> {
    this.find(kind, id);
    await this.operations.cancel(id);
  }

  private started(subject: Subject, operation: Operation): OperationStatus {
    try {
      return this.operations.start(subject, operation);
    } catch (error) {
      if (!(error instanceof AlreadyRunning)) throw error;
      const running = addressOf(subject.kind, error.running.id);
      throw new Problem('already-running', `${error.message} See ${running}.`, { extra: { running } });
    }
  }

  private find(kind: OperationKind, id: string): OperationStatus {
    const status = this.operations.find(id);
    if (status?.kind === kind) return status;
    const detail = `There is no such ${kind}; the projector forgets them when it restarts. What they committed stays.`;
    throw new Problem('not-found', detail);
  }
}

const addressOf = (kind: OperationKind, id: string): string => `/v1/${kind}s/${id}`;

function resourceOf<Report>(status: OperationStatus): Shown<Report> {
  const { id, table, state, done, total, report, error, createdAt, finishedAt } = status;
  return {
    ...{ id, table, state, done, total },
    report: report as Report | null,
    failure: error && ((error as { code?: string }).code ?? 'internal'),
    error: error && error.message,
    created_at: timeOf(createdAt),
    finished_at: finishedAt && timeOf(finishedAt),
  };
}

const timeOf = (date: Date): string => instant(BigInt(date.getTime()) * 1000n);
