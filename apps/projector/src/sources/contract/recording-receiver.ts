import type { ChangeEvent, CommitEnd, Row, Transaction, TransactionHeader } from '#libs/change-event';
import type { LakePosition, Progress, Receiver } from '../change-source.js';

/** With its rows read. */
export interface RecordedChange extends Omit<ChangeEvent, 'before' | 'after'> {
  readonly before?: Row;
  readonly after?: Row;
}

export interface Recorded {
  readonly header: TransactionHeader;
  readonly changes: readonly RecordedChange[];
  readonly chunks: readonly number[];
  readonly end: CommitEnd;
}

/** Takes whatever comes and lets a test wait for it. */
export class RecordingReceiver implements Receiver {
  readonly transactions: Recorded[] = [];
  readonly progresses: Progress[] = [];
  /** Transactions that were cut off, with how many of their changes had come. */
  readonly cut: { readonly txId: string; readonly changes: number }[] = [];
  readonly failures: Error[] = [];
  /** In what order things came. */
  readonly log: ('transaction' | 'progress')[] = [];
  private readonly waiting = new Set<() => void>();
  private under = 0;

  /** `take` is awaited for each chunk, `accept` for each transaction: back-pressure, or a refusal. */
  constructor(
    private readonly hooks: {
      take?(chunk: readonly ChangeEvent[]): Promise<void> | void;
      accept?(transaction: Recorded): Promise<void> | void;
      keep?(progress: Progress): Promise<void> | void;
    } = {},
  ) {}

  async deliver(transaction: Transaction): Promise<void> {
    if (this.under++ > 0) throw new Error('two deliveries at once');
    const [changes, chunks]: [RecordedChange[], number[]] = [[], []];
    try {
      for await (const chunk of transaction.changes) {
        changes.push(...chunk.map(read));
        chunks.push(chunk.length);
        await this.hooks.take?.(chunk);
      }
      const recorded = { header: transaction.header, changes, chunks, end: await transaction.end };
      await this.hooks.accept?.(recorded);
      this.transactions.push(recorded);
      this.log.push('transaction');
    } catch (error) {
      if ((error as { code?: string }).code === 'transaction-cut')
        this.cut.push({ txId: transaction.header.txId, changes: changes.length });
      throw error;
    } finally {
      this.under -= 1;
      this.wake();
    }
  }

  progress(progress: Progress): void | Promise<void> {
    if (this.under > 0) throw new Error('progress while a delivery is under way');
    this.progresses.push(progress);
    this.log.push('progress');
    this.wake();
    return this.hooks.keep?.(progress);
  }

  failed(error: Error): void {
    this.failures.push(error);
    this.wake();
  }

  /** Resolves with what `read` returns as soon as that is something; fails when the source does first. */
  until<T>(read: () => T | undefined | null | false): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = read();
        if (!found && this.failures.length === 0) return;
        this.waiting.delete(look);
        if (found) resolve(found);
        else reject(this.failures[0]!);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** The first `count` transactions, the snapshot among them, once they have come. */
  first(count: number): Promise<readonly Recorded[]> {
    return this.until(() => this.transactions.length >= count && this.transactions.slice(0, count));
  }

  failure(): Promise<Error> {
    return this.until(() => this.failures[0]);
  }

  /** Where a lake stands that has all of this on disk. */
  get position(): LakePosition {
    const opens = this.transactions.findLast(({ header }) => header.opens)!.header.opens!;
    return { epoch: opens, commitLsn: this.transactions.at(-1)!.end.commitLsn };
  }

  private wake(): void {
    for (const look of [...this.waiting]) look();
  }
}

function read({ before, after, ...change }: ChangeEvent): RecordedChange {
  return {
    ...change,
    ...(before && { before: JSON.parse(before) as Row }),
    ...(after && { after: JSON.parse(after) as Row }),
  };
}
