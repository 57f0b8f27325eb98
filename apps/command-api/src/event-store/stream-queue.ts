/** Work on one stream goes one after the other; on different streams side by side. */
export class StreamQueue {
  private readonly last = new Map<string, Promise<unknown>>();

  run<Result>(stream: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.last.get(stream);
    const result = before ? before.then(work, work) : work();
    this.last.set(stream, result);
    const forget = () => {
      if (this.last.get(stream) === result) this.last.delete(stream);
    };
    result.then(forget, forget);
    return result;
  }

  /** Streams at work: none are remembered beyond that. */
  get size(): number {
    return this.last.size;
  }
}
