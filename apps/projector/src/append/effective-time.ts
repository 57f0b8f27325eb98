/** How far ahead of the projector's clock a source's clock may push time: 5 s, in microseconds. */
const leap = 5_000_000n;

export interface Clocks {
  /** `effective_at` of the transaction before; microseconds since 1970, like all of these. */
  readonly previous: bigint;
  /** The time up to which answers have been called final. */
  readonly watermark: bigint;
  /** The source's clock at commit. */
  readonly committedAt: bigint;
  /** The projector's clock. */
  readonly now: bigint;
}

/**
 * When a transaction becomes effective: its commit time where possible, but strictly after the one before it and after
 * whatever was called final, and never far ahead of here, so that a clock that jumps a year cannot freeze history.
 * `suspicious`: a clock is off by more than concurrency explains.
 */
export function effectiveTime({ previous, watermark, committedAt, now }: Clocks) {
  const ceiling = now + leap;
  const wanted = committedAt < ceiling ? committedAt : ceiling;
  const floor = (previous > watermark ? previous : watermark) + 1n;
  const effectiveAt = wanted > floor ? wanted : floor;
  return { effectiveAt, suspicious: committedAt > ceiling || effectiveAt - committedAt > leap };
}
