/**
 * How long after a command's answer a read shows it. While others commit single rows at a rate, every 50 ms a student's
 * gpa is changed by a command, and the student is asked for with the command's Consistency-Token. The figure is the time
 * of the read's answer less that of the command's.
 */
import pg from 'pg';
import { insertStudents } from './load/students.js';
import { argument } from './measuring/arguments.js';
import { freshnessAt, stages, type Freshness } from './measuring/freshness-at-rate.js';
import { median, percentile } from './measuring/latencies.js';
import { MeasuredProduct } from './measuring/measured-product.js';
import { probe, registerProbed } from './measuring/probes.js';
import { conclude, rounded, say, table, usageFigures, usageTable } from './measuring/report.js';

const rates = process.argv.includes('--rate') ? [argument('rate', 0)] : [100, 500, 2000];
const seconds = argument('seconds', 20);
const students = argument('students', 100_000);
const aim = { p50: 60, p99: 200 };

const both = (values: readonly number[]) => `${rounded(percentile(values, 50))} / ${rounded(percentile(values, 99))}`;

await MeasuredProduct.run(async (product) => {
  const client = new pg.Client({ connectionString: product.databaseUrl });
  await client.connect();
  await insertStudents(client, 0, students);
  await client.end();
  const ids = await registerProbed(product);
  await probe(product, ids[0]!, 0.5);
  const results: Record<string, number> = {};
  const rows = new Map<string, string[]>();
  const measured: Freshness[] = [];
  for (const [turn, rate] of rates.entries()) {
    const one = await freshnessAt(product, ids, { rate, seconds, students, turn: turn + 1 });
    measured.push(one);
    usageTable(one.usage, seconds, `At ${rate} commits a second`);
    const fresh = one.answered.map(({ commanded, shown }) => shown - commanded);
    const [p50, p99] = [percentile(fresh, 50), percentile(fresh, 99)];
    Object.assign(results, { [`at_${rate}_p50_ms`]: p50, [`at_${rate}_p99_ms`]: p99, [`at_${rate}_late`]: one.late });
    Object.assign(results, { [`at_${rate}_achieved_per_s`]: one.rate }, usageFigures(one.usage, `at_${rate}_`));
    for (const [stage, values] of Object.entries(stages(one)))
      results[`at_${rate}_${stage.replaceAll(/\W+/g, '_').toLowerCase()}_p50`] = median(values);
  }
  const row = (name: string, cell: (one: Freshness) => string) => rows.set(name, measured.map(cell));
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
