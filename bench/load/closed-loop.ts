export interface LoopOptions {
  /** How many go on at a time: each begins its next when its last is done. */
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface LoopResult {
  readonly count: number;
  readonly seconds: number;
  /** Milliseconds, of each. */
  readonly latencies: readonly number[];
}

/** `once` is told which of the connections it is on. */
export async function closedLoop(
  { connections, warmUpSeconds, seconds }: LoopOptions,
  begun: () => void,
  once: (connection: number) => Promise<void>,
): Promise<LoopResult> {
  const start = performance.now() + warmUpSeconds * 1000;
  const end = start + seconds * 1000;
  const latencies: number[] = [];
  const warm = setTimeout(begun, warmUpSeconds * 1000);
  const loop = async (connection: number) => {
    for (let from = performance.now(); from < end;) {
      await once(connection);
      const now = performance.now();
      if (from >= start && now <= end) latencies.push(now - from);
      from = now;
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, connection) => loop(connection)));
  clearTimeout(warm);
  return { count: latencies.length, seconds, latencies };
}
