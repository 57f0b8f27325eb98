/** When a chunk is full: whatever comes first. */
export interface ChunkLimits {
  readonly items: number;
  /** As received; one item more than fits may be in it. */
  readonly bytes: number;
}

/** Told of the chunks that wait to be taken. */
export interface Pressure {
  add(bytes: number): void;
  release(bytes: number): void;
}

interface Chunk<T> {
  readonly items: T[];
  bytes: number;
}

type Taker<T> = PromiseWithResolvers<IteratorResult<readonly T[], undefined>>;

/**
 * Items pushed as they arrive, taken in chunks. A chunk can be taken when it is full or the last. How much may wait is not
 * decided here, but told to `pressure`, so that whoever pushes can hold back. A chunk that is still filling exerts none: if
 * it did, pusher and taker could wait for each other.
 */
export class ChunkQueue<T> implements AsyncIterable<readonly T[]>, AsyncIterator<readonly T[], undefined> {
  private readonly full: Chunk<T>[] = [];
  private filling: Chunk<T> = { items: [], bytes: 0 };
  private state: 'open' | 'ended' | 'skipping' = 'open';
  private failure: Error | null = null;
  private taker: Taker<T> | null = null;

  constructor(
    private readonly limits: ChunkLimits,
    private readonly pressure: Pressure,
    /** The end was taken, or reached while skipping. Not after `fail`. */
    private readonly done: () => void = () => {},
  ) {}

  /** Whether a chunk can be taken. */
  get ready(): boolean {
    return this.full.length > 0;
  }

  push(item: T, bytes: number): void {
    if (this.state === 'skipping') return;
    this.filling.items.push(item);
    this.filling.bytes += bytes;
    if (this.filling.items.length >= this.limits.items || this.filling.bytes >= this.limits.bytes) this.seal();
  }

  end(): void {
    if (this.state === 'skipping') return this.done();
    if (this.filling.items.length > 0) this.seal();
    this.state = 'ended';
    if (this.taker) this.serve();
  }

  /** Whoever takes next gets the error, what was not taken is gone. */
  fail(error: Error): void {
    this.failure = error;
    this.release();
    if (this.taker) this.serve();
  }

  /** Nobody takes any more: the rest is let through and forgotten. */
  skip(): void {
    if (this.failure || this.state === 'skipping') return;
    const ended = this.state === 'ended';
    this.state = 'skipping';
    this.release();
    if (ended) this.done();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<readonly T[], undefined>> {
    this.taker = Promise.withResolvers();
    const { promise } = this.taker;
    this.serve();
    return promise;
  }

  return(): Promise<IteratorResult<readonly T[], undefined>> {
    this.skip();
    return Promise.resolve({ done: true, value: undefined });
  }

  private seal(): void {
    const chunk = this.filling;
    this.full.push(chunk);
    this.filling = { items: [], bytes: 0 };
    this.pressure.add(chunk.bytes);
    if (this.taker) this.serve();
  }

  private serve(): void {
    const taker = this.taker!;
    const chunk = this.failure ? undefined : this.full.shift();
    if (!this.failure && !chunk && this.state === 'open') return;
    this.taker = null;
    if (this.failure) return taker.reject(this.failure);
    if (chunk) {
      taker.resolve({ done: false, value: chunk.items });
      return this.pressure.release(chunk.bytes);
    }
    taker.resolve({ done: true, value: undefined });
    if (this.state === 'ended') this.finish();
  }

  private finish(): void {
    this.state = 'skipping'; // asked again, the end is told again, and is not reached again
    this.done();
  }

  private release(): void {
    this.filling = { items: [], bytes: 0 };
    for (const chunk of this.full.splice(0)) this.pressure.release(chunk.bytes);
  }
}
