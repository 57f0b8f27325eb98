/** How long after a command's answer a read shows it, while others commit single rows at a rate. */
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from '../load/load-process.js';
import type { UpdateOptions, UpdateResult } from '../load/update-students.js';
import { changeTimes } from './changelog-times.js';
import type { MeasuredProduct } from './measured-product.js';
import { probes } from './probes.js';
import type { Groups } from './process-usage.js';

const warmUp = 3;
const program = new URL('../load/update-students.js', import.meta.url);

export interface FreshnessOptions {
  /** Commits a second. */
  readonly rate: number;
  readonly seconds: number;
  /** Students 0 … students − 1 exist. */
  readonly students: number;
  /** Another one than last time. */
  readonly turn: number;
  /** To be measured beside the product's own processes. */
  readonly others?: Groups;
}

/** `ids`: of the students that are probed. */
export async function freshnessAt(product: MeasuredProduct, ids: readonly string[], options: FreshnessOptions) {
  const { rate, seconds, students, turn, others } = options;
  await product.quiet();
  const { databaseUrl } = product;
  const background = { databaseUrl, rate, connections: 16, students } satisfies UpdateOptions;
  const load = new LoadProcess<UpdateResult>(program, background);
  try {
    await load.begun;
    await sleep(warmUp * 1000);
    const meter = product.meter({ ...others, load: { pid: load.pid } });
    const all = await probes(product, ids, { seconds, turn });
    const usage = meter.stop();
    load.stop();
    const { commits, seconds: loaded } = await load.result;
    const answered = all.filter((one) => one !== null);
    const times = await changeTimes(
      product.lake,
      answered.map(({ position }) => position),
    );
    return {
      answered,
      late: all.length - answered.length,
      usage,
      rate: commits / loaded,
      times,
    };
  } finally {
    load.kill();
  }
}

export type Freshness = Awaited<ReturnType<typeof freshnessAt>>;

/** Milliseconds of each stage, of the probes whose commits the lake still tells about. */
export function stages({ answered, times }: Freshness): Record<string, number[]> {
  const known = answered.flatMap((one) => {
    const at = times.get(one.position);
    return at ? [{ ...one, ...at }] : [];
  });
  return {
    'commit → answer of the command': known.map(({ committed, commanded }) => commanded - committed),
    'commit → Parquet file complete': known.map(({ committed, written }) => written - committed),
    'file → commit visible in the log': known.map(({ written, visible }) => visible - written),
    'log → cut swapped': known.map(({ visible, shown, read }) => shown - read - visible),
    'cut swapped → answer': known.map(({ read }) => read),
    'commit → answer of the read': known.map(({ committed, shown }) => shown - committed),
    'changes in the same batch': known.map(({ batch }) => batch),
  };
}
