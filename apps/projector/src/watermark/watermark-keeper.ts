import { isDeepStrictEqual } from 'node:util';
import { dropDrafts, readWatermark, writeWatermark, type Watermark } from '#libs/lake';
import { formatLsn, isSameEpoch, type SourceEpoch } from '#libs/change-event';
import type { Progress } from '../sources/change-source.js';
import type { Tip } from '../append/tip.js';

/** How far ahead of the projector's clock the watermark's time may be: 5 s, in microseconds. */
const leap = 5_000_000n;

/** Another projector has written the watermark: this one has been replaced, or opened the lake too early. */
export class WatermarkReplaced extends Error {
  readonly code = 'watermark-replaced';
  constructor(readonly folder: string) {
    super(`The watermark of ${folder} was written by another projector since this one opened the lake.`);
    this.name = 'WatermarkReplaced';
  }
}

/** Keeps `_watermark.json`: what the lake is complete up to, taken over whenever the source's word has been made true. */
export class WatermarkKeeper {
  private written: Promise<void> = Promise.resolve();

  private constructor(
    private readonly folder: string,
    private readonly failed: (error: Error) => void,
    private current: Watermark | null,
  ) {}

  static async open(folder: string, failed: (error: Error) => void): Promise<WatermarkKeeper> {
    return new WatermarkKeeper(folder, failed, await readWatermark(folder));
  }

  /** Up to here answers have been called final; microseconds since 1970. */
  get time(): bigint {
    return this.current?.time ?? 0n;
  }

  get sourceTime(): bigint | null {
    return this.current?.source_time ?? null;
  }

  /** Up to where the tip's epoch is known to be complete; null if it never was. */
  completeLsn({ epoch }: Tip): number | null {
    if (!epoch || !this.current) return null;
    return isSameEpoch(JSON.parse(this.current.epoch) as SourceEpoch, epoch) ? this.current.lsn : null;
  }

  /**
   * To be called when all that the source had at `progress` is durable, and no batch is stamped but uncommitted. Resolves
   * when the file says so. `mayWrite` rejects if another projector owns the lake by now.
   */
  async reached({ lsn, sourceTime }: Progress, tip: Tip, mayWrite?: () => Promise<void>): Promise<void> {
    if (!tip.epoch) return;
    const ceiling = BigInt(Date.now()) * 1000n + leap;
    const time = sourceTime < ceiling ? sourceTime : ceiling;
    const watermark = {
      epoch: JSON.stringify(tip.epoch),
      lsn,
      position: tip.position,
      source_time: sourceTime,
      time: time > this.time ? time : this.time,
    };
    this.current = watermark;
    this.written = this.written.then(() => writeWatermark(this.folder, watermark, mayWrite));
    this.written.catch(this.failed);
    await this.written;
  }

  /**
   * Before the first is reached, and once whoever wrote before is fenced: nothing that it was about to write comes any more.
   * @throws WatermarkReplaced if it wrote one since this one was opened: time would fall behind that.
   */
  async claim(): Promise<void> {
    await dropDrafts(this.folder);
    await this.refuseReplaced();
  }

  /** While none is being written. @throws WatermarkReplaced */
  async refuseReplaced(): Promise<void> {
    if (!isDeepStrictEqual(await readWatermark(this.folder), this.current)) throw new WatermarkReplaced(this.folder);
  }

  /** For people: what the health endpoint shows. */
  describe() {
    if (!this.current) return null;
    const { lsn, position, source_time, time } = this.current;
    return { lsn: formatLsn(lsn), position, source_time, time };
  }

  async settled(): Promise<void> {
    await this.written.catch(() => {});
  }
}
