import type { DuckDBConnection } from '@duckdb/node-api';

/** Milliseconds. */
const again = 50;

/**
 * Breaks off what a connection computes once the signal aborts: again and again, because an interrupt between two
 * statements is lost. Returns what ends that.
 */
export function interruptOn(signal: AbortSignal, duckdb: Pick<DuckDBConnection, 'interrupt'>): () => void {
  let timer: NodeJS.Timeout | undefined;
  const interrupt = () => {
    duckdb.interrupt();
    timer = setTimeout(interrupt, again);
  };
  signal.addEventListener('abort', interrupt, { once: true });
  return () => {
    signal.removeEventListener('abort', interrupt);
    clearTimeout(timer);
  };
}
