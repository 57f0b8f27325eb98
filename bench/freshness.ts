/**
 * How long after a command's answer a read shows it. While others commit single rows at a rate, every 50 ms a student's
 * gpa is changed by a command, and the student is asked for with the command's Consistency-Token. The figure is the time
 * of the read's answer less that of the command's.
 */
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadProcess } from './load/load-process.js';
import { insertStudents } from './load/students.js';
import type { UpdateOptions, UpdateResult } from './load/update-students.js';
import { argument } from './measuring/arguments.js';
import { changeTimes } from './measuring/changelog-times.js';
import { median, percentile } from './measuring/latencies.js';
import { MeasuredProduct } from './measuring/measured-product.js';
import { conclude, rounded, say, table, usageFigures, usageTable } from './measuring/report.js';

const rates = process.argv.includes('--rate') ? [argument('rate', 0)] : [100, 500, 2000];
const seconds = argument('seconds', 20);
const warmUp = 3;
const interval = 50;
const students = argument('students', 100_000);
/** Known to the event store, and to nobody who writes past it. */
const probed = 100;
const aim = { p50: 60, p99: 200 };
const program = new URL('load/update-students.js', import.meta.url);

/** Times are the wall clock's, milliseconds since 1970. */
interface Probe {
  readonly commanded: number;
  readonly shown: number;
  /** How long the same question takes when there is nothing to wait for. */
  readonly read: number;
  readonly position: number;
}

const now = () => performance.timeOrigin + performance.now();

async function register(product: MeasuredProduct): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < probed; i++) {
    const answer = await fetch(`${product.url('command-api')}/v1/students`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        first_name: 'Ada',
        last_name: `Probe ${i}`,
        date_of_birth: '2004-12-10',
        year_of_study: 1,
        gpa: 2,
        enrollment_status: 'full-time',
      }),
    });
    if (answer.status !== 201) throw new Error(`Registering was answered with ${await answer.text()}`);
    ids.push(((await answer.json()) as { id: string }).id);
  }
  return ids;
}

/** Null if the answer came too late to be one. */
async function probe(product: MeasuredProduct, id: string, gpa: number): Promise<Probe | null> {
  const changed = await fetch(`${product.url('command-api')}/v1/students/${id}`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/merge-patch+json' },
    body: JSON.stringify({ gpa }),
  });
  const commanded = now();
  if (changed.status !== 200) throw new Error(`A command was answered with ${await changed.text()}`);
  void changed.arrayBuffer();
  const url = `${product.url('query-api')}/v1/dimensions/students/${id}`;
  const shown = await fetch(`${url}?wait=10`, {
    headers: { 'consistency-token': changed.headers.get('consistency-token')! },
  });
  const { data } = (await shown.json()) as { data: { gpa: number; opened_tx: number } };
  const shownAt = now();
  if (shown.status === 503) return null;
  if (data.gpa !== gpa) throw new Error(`The answer to a token shows gpa ${data.gpa} instead of ${gpa}.`);
  await fetch(url).then((again) => again.arrayBuffer());
  return { commanded, shown: shownAt, read: now() - shownAt, position: data.opened_tx };
}

/** One every `interval`, whether or not the one before was answered. */
async function probes(product: MeasuredProduct, ids: readonly string[], turn: number): Promise<(Probe | null)[]> {
  const started = performance.now();
  const asked: Promise<Probe | null>[] = [];
  for (let i = 0; i * interval < seconds * 1000; i++) {
    const due = started + i * interval - performance.now();
    if (due > 0) await sleep(due);
    const gpa = ((Math.floor(i / ids.length) + turn * 100) % 400) / 100; // another one than last time
    asked.push(probe(product, ids[i % ids.length]!, gpa));
  }
  return Promise.all(asked);
}

async function measure(product: MeasuredProduct, ids: readonly string[], rate: number, turn: number) {
  await product.quiet();
  const { databaseUrl } = product;
  const options = { databaseUrl, rate, connections: 16, students } satisfies UpdateOptions;
  const load = new LoadProcess<UpdateResult>(program, options);
  try {
    await load.begun;
    await sleep(warmUp * 1000);
    const meter = product.meter({ load: { pid: load.pid } });
    const all = await probes(product, ids, turn);
    const usage = meter.stop();
    load.stop();
    const background = await load.result;
    const answered = all.filter((one) => one !== null);
    const times = await changeTimes(
      product.lake,
      answered.map(({ position }) => position),
    );
    return {
      answered,
      late: all.length - answered.length,
      usage,
      rate: background.commits / background.seconds,
      times,
    };
  } finally {
    load.kill();
  }
}

type Measured = Awaited<ReturnType<typeof measure>>;

/** Milliseconds of each stage, of the probes whose commits the lake still tells about. */
function stages({ answered, times }: Measured): Record<string, number[]> {
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

const both = (values: readonly number[]) => `${rounded(percentile(values, 50))} / ${rounded(percentile(values, 99))}`;

await MeasuredProduct.run(async (product) => {
  const client = new pg.Client({ connectionString: product.databaseUrl });
  await client.connect();
  await insertStudents(client, 0, students);
  await client.end();
  const ids = await register(product);
  await probe(product, ids[0]!, 0.5);
  const results: Record<string, number> = {};
  const rows = new Map<string, string[]>();
  const measured: Measured[] = [];
  for (const [turn, rate] of rates.entries()) {
    const one = await measure(product, ids, rate, turn + 1);
    measured.push(one);
    usageTable(one.usage, seconds, `At ${rate} commits a second`);
    const fresh = one.answered.map(({ commanded, shown }) => shown - commanded);
    const [p50, p99] = [percentile(fresh, 50), percentile(fresh, 99)];
    Object.assign(results, { [`at_${rate}_p50_ms`]: p50, [`at_${rate}_p99_ms`]: p99, [`at_${rate}_late`]: one.late });
    Object.assign(results, { [`at_${rate}_achieved_per_s`]: one.rate }, usageFigures(one.usage, `at_${rate}_`));
    for (const [stage, values] of Object.entries(stages(one)))
      results[`at_${rate}_${stage.replaceAll(/\W+/g, '_').toLowerCase()}_p50`] = median(values);
  }
  const row = (name: string, cell: (one: Measured) => string) => rows.set(name, measured.map(cell));
  row('commits/s achieved', ({ rate }) => rounded(rate));
  row('probes, of them late', ({ answered, late }) => `${answered.length + late}, ${late}`);
  row('FRESHNESS', ({ answered }) => both(answered.map(({ commanded, shown }) => shown - commanded)));
  for (const stage of Object.keys(stages(measured[0]!))) row(stage, (one) => both(stages(one)[stage]!));
  table(
    'Freshness, p50 / p99 in ms',
    ['', ...rates.map((rate) => `at ${rate}/s`)],
    [...rows].map(([name, cells]) => [name, ...cells]),
  );
  say(`\nFreshness: answer of the command → answer of the read. The aim is p50 ≤ ${aim.p50} ms, p99 ≤ ${aim.p99} ms.`);
  conclude('freshness', results);
});
