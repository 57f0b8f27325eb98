import { BaseRpcContext, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import type { Transaction } from '#libs/change-event';
import type { ChangeSource, LakePosition, Receiver } from '../sources/change-source.js';

export const changes = Symbol('changes');

export class TransactionContext extends BaseRpcContext<[Transaction]> {}

/**
 * A change source as a Nest transport: whole transactions go to the `@EventPattern('transaction', changes)` handler, and a
 * delivery settles when the handler has.
 */
export class ChangeTransport extends Server implements CustomTransportStrategy {
  override readonly transportId = changes;
  /** Errors go to the source, which stops: Nest must not swallow them. */
  override readonly propagatesEventHandlerErrors = true;

  constructor(private readonly source: ChangeSource) {
    super();
  }

  /** Nothing flows yet: the lake is opened first, and says where to go on from. */
  listen(ready: (error?: unknown) => void): void {
    ready();
  }

  async start(
    from: LakePosition | null,
    { progress, failed }: Pick<Receiver, 'progress' | 'failed'>,
    options: { resnapshot: boolean },
  ): Promise<void> {
    const deliver = (transaction: Transaction) => this.dispatch(transaction);
    await this.source.start(from, { deliver, progress, failed }, options);
  }

  durable(commitLsn: number): void {
    this.source.durable(commitLsn);
  }

  stop(): Promise<void> {
    return this.source.stop();
  }

  close(): void {}

  on(): never {
    throw new Error('A change source has no events of its own.');
  }

  unwrap<T>(): T {
    return this.source as T;
  }

  private async dispatch(transaction: Transaction): Promise<void> {
    const result: unknown = await this.getHandlerByPattern('transaction')!(
      transaction,
      new TransactionContext([transaction]),
    );
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
  }
}
