/** How following goes: what fails, since when, and how long to wait before it is tried again. */
export class FollowerHealth {
  private failure: { readonly error: Error; readonly since: number; readonly times: number } | null = null;

  /** `pause` and `patience` in milliseconds: before the first new try, and for how long a failure is borne. */
  constructor(private readonly options: { readonly failurePause?: number; readonly patience?: number }) {}

  get error(): Error | null {
    return this.failure?.error ?? null;
  }

  /** What has failed for so long that this reader should not be asked. */
  get lasting(): Error | null {
    if (!this.failure) return null;
    return performance.now() - this.failure.since > (this.options.patience ?? 30_000) ? this.failure.error : null;
  }

  /** Each time doubles it, up to 32 times: opening a lake costs seconds of CPU, and a reader's memory once more. */
  get pause(): number {
    return (this.options.failurePause ?? 500) * 2 ** Math.min(5, Math.max(0, (this.failure?.times ?? 1) - 1));
  }

  failed(error: Error): void {
    this.failure = { error, since: this.failure?.since ?? performance.now(), times: (this.failure?.times ?? 0) + 1 };
  }

  worked(): void {
    this.failure = null;
  }
}
