/**
 * Group commit: while one commit of the lake runs, the transactions that arrive collect, and are the next. After each it
 * rests as long as the commit took, up to a limit: commits without a break take the processor from those who read what
 * they bring (answers were 320 ms old instead of 170, at 2000 transactions a second on two cores). What arrives after a
 * pause is committed at once.
 *
 * What was accepted goes to the lake in order, each batch as files and one commit that also says where the lake stands
 * (position, commit LSN, source offset). So a crash anywhere leaves either all of a batch or nothing of it, and the
 * source, acknowledged only after, sends again whatever is missing; what comes twice is at or below the lake's commit
 * LSN, and dropped.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { narrowedTo, type Transaction } from '#libs/change-event';
import type { Action, DeltaTable } from '#libs/delta-log';
import { failpoint } from '#libs/failpoints';
import { appIds, configuration } from '#libs/lake';
import type { LakePosition, Progress } from '../sources/change-source.js';
import type { WatermarkKeeper } from '../watermark/watermark-keeper.js';
import { effectiveTime } from './effective-time.js';
import type { TransactionStamp } from './changelog-file.js';
import { RowWriter, type FileLimits } from './row-writer.js';
import { stage, type StagedTransaction, type Staging } from './staged-transaction.js';
import { tipOf, type Tip } from './tip.js';

export interface Appended {
  readonly tip: Tip;
  readonly changes: number;
  readonly snapshot: boolean;
}

export interface AppendOptions extends Staging, FileLimits {
  /** Characters of accepted transactions that may wait; beyond it, accepting waits. */
  readonly pendingBudget: number;
  /** Milliseconds. */
  readonly longestRest: number;
  /** The time up to which answers were called final, and its successor once the lake holds all before it. */
  readonly watermark: Pick<WatermarkKeeper, 'time' | 'reached' | 'completeLsn' | 'claim'>;
  readonly appended: (appended: Appended) => void;
  readonly suspiciousClock: (stamp: TransactionStamp) => void;
  /** All that the source delivers. What else the epoch covers it covers until the next commit, and then no more. */
  readonly capturedTables?: Iterable<string>;
  /** A commit failed: nothing of what is pending reaches the lake through this appender. */
  readonly failed: (error: Error) => void;
  /** Aborted by a failure elsewhere: no commit begins any more. */
  readonly over?: AbortSignal;
}

type Entry = StagedTransaction | { readonly progress: Progress; readonly kept: () => void };

export class ChangelogAppender {
  private tip: Tip;
  private pending: Entry[] = [];
  private pendingSize = 0;
  private running: Promise<void> | null = null;
  private failure: Error | null = null;
  private roomFreed: (() => void) | null = null;
  private restsUntil = 0;
  /** The watermark is this one's to write. */
  private claimed = false;

  private readonly writer: RowWriter;

  constructor(
    private readonly table: DeltaTable,
    private readonly options: AppendOptions,
  ) {
    this.writer = new RowWriter(table.folder, options);
    const tip = tipOf(table.snapshot);
    const { capturedTables } = options;
    this.tip = tip.epoch && capturedTables ? { ...tip, epoch: narrowedTo(tip.epoch, capturedTables) } : tip;
  }

  /** What a source goes on from; null in a lake that has seen no snapshot. */
  get lakePosition(): LakePosition | null {
    const { epoch, commitLsn, sourceOffset } = this.tip;
    const completeLsn = this.options.watermark.completeLsn(this.tip);
    return (
      epoch && {
        ...{ epoch, commitLsn },
        ...(completeLsn !== null && { completeLsn }),
        ...(sourceOffset !== null && { sourceOffset }),
      }
    );
  }

  get lastPosition(): number {
    return this.tip.position;
  }

  /** Resolves when the transaction is taken in and there is room for more. @throws the failure of an earlier commit */
  async accept(transaction: Transaction): Promise<void> {
    const staged = await stage(transaction, this.options);
    if (this.failure) await staged.discard();
    else this.enqueue(staged);
    while (this.pendingSize > this.options.pendingBudget && !this.failure)
      await new Promise<void>((resolve) => (this.roomFreed = resolve));
    if (this.failure) throw this.failure;
  }

  /** Resolves when all that was accepted before is in the lake, and the watermark says so. */
  progress(progress: Progress): Promise<void> {
    return new Promise((kept) => this.enqueue({ progress, kept }));
  }

  /**
   * The watermark has no versions that fence. So the changelog's fence it: the first of a life, be it of nothing, ends the
   * life before; and whoever is about to write a watermark looks whether there is one that is not its own.
   * @throws Fenced, WatermarkReplaced
   */
  async claim(): Promise<void> {
    if (this.claimed) return;
    await this.table.commit([], 'CLAIM');
    await this.options.watermark.claim();
    this.claimed = true;
  }

  /** @throws Fenced if another one has committed since the lake was opened, or since this one did. */
  refuseReplaced(): Promise<void> {
    return this.table.refuseReplaced();
  }

  /** Resolves when nothing is under way any more, also after a failure. */
  async settled(): Promise<void> {
    while (this.running) await this.running.catch(() => {});
  }

  private enqueue(entry: Entry): void {
    if (this.failure) return;
    this.pending.push(entry);
    if ('size' in entry) this.pendingSize += entry.size;
    this.running ??= this.drain();
  }

  /** Never rejects: a failure is kept, and given to whoever wants to go on. */
  private async drain(): Promise<void> {
    try {
      while (this.pending.length > 0 && !this.failure) {
        const rest = this.restsUntil - performance.now();
        if (rest > 0) await sleep(rest);
        const began = performance.now();
        await this.commitPending();
        const ended = performance.now();
        this.restsUntil = ended + Math.min(ended - began, this.options.longestRest);
      }
    } catch (error) {
      this.failure = error as Error;
      await discardAll(transactionsOf(this.pending));
      this.roomFreed?.();
      this.options.failed(this.failure);
    }
    this.running = null; // in the turn of the last look: what comes later begins anew
  }

  private async commitPending(): Promise<void> {
    const batch = this.pending;
    [this.pending, this.pendingSize] = [[], 0];
    this.roomFreed?.();
    const transactions = transactionsOf(batch);
    try {
      this.options.over?.throwIfAborted();
      await this.commit(transactions);
    } catch (error) {
      await discardAll(transactions);
      throw error;
    }
    const progresses = batch.filter((entry) => 'progress' in entry);
    if (progresses.length > 0) await this.claim();
    for (const entry of progresses) this.keep(entry);
  }

  /** The keeper reports a failure itself; the source is then never told. */
  private keep({ progress, kept }: { progress: Progress; kept: () => void }): void {
    const mayWrite = () => this.table.refuseReplaced();
    void this.options.watermark.reached(progress, this.tip, mayWrite).then(kept, () => {});
  }

  /** A watermark moves only between two commits: none may be stamped with a time that was called final meanwhile. */
  private async commit(transactions: StagedTransaction[]): Promise<void> {
    let tip = this.tip;
    for (const transaction of transactions) {
      if (isRedelivery(transaction, tip)) await transaction.discard();
      else tip = await this.write(transaction, tip);
    }
    const epochChange = this.epochChange(tip);
    if (tip === this.tip && epochChange.length === 0) return;
    await failpoint('append.before-data-file');
    const files = await this.writer.finish();
    await failpoint('append.before-commit');
    await this.table.commit([...epochChange, ...positionsOf(tip), ...files.map((add) => ({ add }))]);
    await failpoint('append.before-acknowledge');
    const changes = tip.position - this.tip.position;
    this.tip = tip;
    this.options.appended({ tip, changes, snapshot: transactions.some(({ opens }) => opens) });
  }

  private async write(transaction: StagedTransaction, before: Tip): Promise<Tip> {
    const { opens, end, count } = transaction;
    const { effectiveAt, suspicious } = effectiveTime({
      previous: before.effectiveAt,
      watermark: this.options.watermark.time,
      committedAt: end.committedAt,
      now: BigInt(Date.now()) * 1000n,
    });
    const { commitLsn, committedAt } = end;
    const stamp = { txPosition: before.position + 1, txId: transaction.txId, commitLsn, committedAt, effectiveAt };
    if (suspicious) this.options.suspiciousClock(stamp);
    const attribution = await transaction.attribution();
    for await (const chunk of transaction.chunks()) await this.writer.append(chunk, stamp, attribution);
    await transaction.discard();
    return {
      position: before.position + count,
      commitLsn,
      effectiveAt: count > 0 ? effectiveAt : before.effectiveAt,
      sourceOffset: end.sourceOffset ?? null,
      epoch: opens ?? before.epoch,
    };
  }

  /** Before the source is told to forget anything: what it sends of a table that is captured no more is lost to the lake. */
  private epochChange({ epoch }: Tip): Action[] {
    const { metadata } = this.table.snapshot;
    const text = JSON.stringify(epoch);
    if (epoch === null || metadata.configuration[configuration.epoch] === text) return [];
    return [{ metaData: { ...metadata, configuration: { ...metadata.configuration, [configuration.epoch]: text } } }];
  }
}

const transactionsOf = (entries: readonly Entry[]): StagedTransaction[] =>
  entries.filter((entry): entry is StagedTransaction => 'end' in entry);

/** The failure that leads here is the one to tell. */
async function discardAll(transactions: readonly StagedTransaction[]): Promise<void> {
  for (const transaction of transactions) await transaction.discard().catch(() => {});
}

/** Inside an epoch what is at or below the lake's commit LSN is there already. A snapshot opens an epoch of its own. */
const isRedelivery = ({ opens, end }: StagedTransaction, tip: Tip): boolean => !opens && end.commitLsn <= tip.commitLsn;

function positionsOf({ position, commitLsn, effectiveAt, sourceOffset }: Tip): Action[] {
  const txn = (appId: string, version: number) => ({ txn: { appId, version } });
  return [
    txn(appIds.position, position),
    txn(appIds.commitLsn, commitLsn),
    txn(appIds.effectiveAt, Number(effectiveAt)),
    ...(sourceOffset === null ? [] : [txn(appIds.sourceOffset, sourceOffset)]),
  ];
}
