import { setTimeout as sleep } from 'node:timers/promises';
import type { Projector } from '../projector.js';
import { troublesOf, type Observations, type Trouble } from './source-report.js';

export interface SourceReport extends Partial<Observations> {
  readonly troubles: readonly Trouble[];
}

interface Inspecting {
  look(): Promise<Observations>;
  close(): Promise<void>;
}

export interface WatchTimes {
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Seconds without a word of the source that are too many: the connector speaks every second. */
  readonly longestSilence: number;
}

const usual: WatchTimes = { interval: 2_000, longestSilence: 10 };

/** Looks at the way from the source now and then, and keeps what it saw last: probes ask often, and must not wait. */
export class SourceWatch {
  private last: SourceReport = { troubles: [] };
  private readonly stopping = new AbortController();
  private watching: Promise<void> | null = null;
  /** The source's last word, and when it was first seen here (this process' clock: the server's may be another). */
  private heard = { word: '', at: performance.now() };

  constructor(
    private readonly inspection: Inspecting,
    private readonly projector: Pick<Projector, 'status' | 'running'>,
    private readonly times = usual,
  ) {}

  get report(): SourceReport {
    return this.last;
  }

  /** Seconds since the source's clock stood where the lake is complete; null before it ever was. */
  get lag(): number | null {
    const sourceTime = this.projector.running?.watermark.sourceTime;
    return sourceTime == null ? null : Math.max(0, Date.now() / 1000 - Number(sourceTime) / 1e6);
  }

  start(): void {
    this.watching ??= this.watch();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.watching;
    await this.inspection.close();
  }

  private async watch(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const seen = await this.inspection.look();
      this.last = {
        ...seen,
        troubles: troublesOf(seen, { seconds: this.silence(), longest: this.times.longestSilence }),
      };
      await sleep(this.times.interval, undefined, { signal }).catch(() => {});
    }
  }

  /** Only a source that streams is expected to speak. */
  private silence(): number {
    const { state } = this.projector.status;
    const word = `${state} ${this.projector.running?.watermark.sourceTime}`;
    if (word !== this.heard.word || state !== 'streaming') this.heard = { word, at: performance.now() };
    return (performance.now() - this.heard.at) / 1000;
  }
}
