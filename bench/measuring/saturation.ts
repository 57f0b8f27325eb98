/** As many changes as go: written to Postgres over 8 connections as fast as it takes them, until the query API shows the last. */
import { LoadProcess } from '../load/load-process.js';
import type { MixOptions, MixResult } from '../load/mix-changes.js';
import type { MeasuredProduct } from './measured-product.js';
import type { Groups, Usage } from './process-usage.js';

export const connections = 8;
export const rowsPerTransaction = 100;
/** Slower than this many rows a second is given up. */
const hopeless = 1000;
export const program = new URL('../load/mix-changes.js', import.meta.url);

export interface Saturation {
  /** Changed rows. */
  readonly changes: number;
  /** Students 0 … students − 1 exist. */
  readonly students: number;
  /** To be measured beside the product's own processes. */
  readonly others?: Groups;
  /** Called when the load begins. */
  readonly begun?: () => void;
}

export interface Saturated {
  /** Seconds until Postgres had all of it, and until the query API showed it. */
  readonly writing: number;
  readonly total: number;
  readonly changes: number;
  readonly usage: Map<string, Usage>;
}

/** Nothing may be on its way. @throws TooSlow */
export async function saturate(product: MeasuredProduct, saturation: Saturation): Promise<Saturated> {
  const { changes, students, others, begun } = saturation;
  const before = await product.position();
  const options = {
    databaseUrl: product.databaseUrl,
    connections,
    transactions: Math.ceil(changes / rowsPerTransaction),
    students,
  } satisfies MixOptions;
  const load = new LoadProcess<MixResult>(program, options);
  try {
    await load.begun;
    begun?.();
    const started = performance.now();
    const meter = product.meter({ ...others, load: { pid: load.pid } });
    const written = await load.result;
    await product.untilPosition(before + written.changes, 60 + changes / hopeless);
    const total = (performance.now() - started) / 1000;
    return { writing: written.seconds, total, changes: written.changes, usage: meter.stop() };
  } finally {
    load.kill();
  }
}
