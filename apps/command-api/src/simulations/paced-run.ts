/**
 * Runs numbered work in order of its numbers, several at once, at most at a rate; and knows at any moment up to where
 * everything is done, which is where a successor must begin.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export interface PacedWork {
  readonly from: number;
  readonly to: number;
  /** Starts a second; null = as fast as they end. */
  readonly rate: number | null;
  readonly atOnce: number;
  /** Resolves to true when the work of this number is done, to false where it gave up as told by the signal. */
  execute(index: number, stopped: AbortSignal): Promise<boolean>;
}

/** Starts that a run late by more than this makes up for are lost: a rate is no debt. Milliseconds. */
const MOST_LATE = 1000;

export class PacedRun {
  private next: number;
  private due = performance.now();
  private readonly began = this.due;
  private readonly unfinished = new Set<number>();
  private readonly stopped = new AbortController();

  constructor(private readonly work: PacedWork) {
    this.next = work.from;
  }

  /** Everything below is done. */
  get done(): number {
    return this.unfinished.size === 0 ? this.next : Math.min(...this.unfinished);
  }

  /** Done a second, since the run began. */
  get measuredRate(): number {
    return ((this.done - this.work.from) * 1000) / Math.max(performance.now() - this.began, 1);
  }

  /** Nothing more is started. `run` resolves when what was started has ended. */
  stop(): void {
    this.stopped.abort();
  }

  /** Resolves when all is done, or the run was stopped. @throws the first error of the work */
  async run(): Promise<void> {
    const workers = await Promise.allSettled(Array.from({ length: this.work.atOnce }, () => this.goOn()));
    const failed = workers.find((worker) => worker.status === 'rejected');
    if (failed) throw failed.reason;
  }

  private async goOn(): Promise<void> {
    while (this.next < this.work.to && !this.stopped.signal.aborted) {
      const index = this.next++;
      this.unfinished.add(index);
      if (!(await this.itsTurn())) return; // it stays unfinished, and so does all behind it
      if (!(await this.execute(index))) return;
      this.unfinished.delete(index);
    }
  }

  private async execute(index: number): Promise<boolean> {
    try {
      return await this.work.execute(index, this.stopped.signal);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** False: the run was stopped before. */
  private async itsTurn(): Promise<boolean> {
    const { signal } = this.stopped;
    if (this.work.rate === null) return true;
    this.due = Math.max(this.due, performance.now() - MOST_LATE);
    const wait = this.due - performance.now();
    this.due += 1000 / this.work.rate;
    // a timer drops fractions of a millisecond, and would be early by them
    if (wait > 0) await sleep(Math.ceil(wait), undefined, { signal }).catch(() => {});
    return !signal.aborted;
  }
}
