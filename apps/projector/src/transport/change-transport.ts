import { BaseRpcContext, Server, type CustomTransportStrategy, type MessageHandler } from '@nestjs/microservices';
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
    receiver: Omit<Receiver, 'deliver'>,
    options: { resnapshot: boolean },
  ): Promise<void> {
    // looked up once: it costs 50 µs, since Nest tries to read the pattern as JSON and catches that it is none
    let handler: MessageHandler | null = null;
    const deliver = (transaction: Transaction) =>
      dispatch((handler ??= this.getHandlerByPattern('transaction')!), transaction);
    await this.source.start(from, { deliver, ...receiver }, options);
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
}

async function dispatch(handler: MessageHandler, transaction: Transaction): Promise<void> {
  const result: unknown = await handler(transaction, new TransactionContext([transaction]));
  if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined });
}
