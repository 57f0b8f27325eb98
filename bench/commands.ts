/**
 * How many commands a second: POST /v1/students over HTTP, beside the same by the event store without HTTP and by its one
 * writing statement alone, in the same run on the same product. The ratios say what the layers cost on this machine,
 * whatever else it does.
 */
import { LoadProcess } from './load/load-process.js';
import type { LoopResult } from './load/closed-loop.js';
import type { RegisterOptions, Way } from './load/register-students.js';
import { argument } from './measuring/arguments.js';
import { median, percentile } from './measuring/latencies.js';
import { MeasuredProduct } from './measuring/measured-product.js';
import type { Usage } from './measuring/process-usage.js';
import { conclude, say, table, usageFigures, usageTable } from './measuring/report.js';

const connections = [1, 16, 64];
const ways: readonly Way[] = ['statement', 'event store', 'HTTP'];
const rounds = argument('rounds', 3);
const seconds = argument('seconds', 4);
const program = new URL('load/register-students.js', import.meta.url);

interface Measured {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly usage: ReadonlyMap<string, Usage>;
}

async function measure(product: MeasuredProduct, way: Way, atOnce: number): Promise<Measured> {
  await product.quiet();
  const options = { way, connections: atOnce, warmUpSeconds: 1, seconds };
  const { databaseUrl } = product;
  const load = new LoadProcess<LoopResult>(program, {
    ...options,
    databaseUrl,
    commandApiUrl: product.url('command-api'),
  } satisfies RegisterOptions);
  await load.begun;
  const meter = product.meter({ load: { pid: load.pid } });
  const { count, latencies } = await load.result.finally(() => load.kill());
  const usage = meter.stop();
  return { rate: count / seconds, p50: percentile(latencies, 50), p99: percentile(latencies, 99), usage };
}

/** The rounds' medians: a machine that others use as well has bad moments. */
function middle(measured: readonly Measured[]): Measured {
  const of = (figure: 'rate' | 'p50' | 'p99') => median(measured.map((one) => one[figure]));
  return { rate: of('rate'), p50: of('p50'), p99: of('p99'), usage: measured.at(-1)!.usage };
}

await MeasuredProduct.run(async (product) => {
  const results: Record<string, number> = {};
  const rows: (string | number)[][] = [];
  for (const atOnce of connections) {
    const measured = new Map<Way, Measured[]>(ways.map((way) => [way, []]));
    for (let round = 1; round <= rounds; round++)
      for (const way of ways) measured.get(way)!.push(await measure(product, way, atOnce));
    const least = middle(measured.get('statement')!).rate;
    for (const way of ways) {
      const { rate, p50, p99, usage } = middle(measured.get(way)!);
      rows.push([way, atOnce, rate, p50, p99, (rate / least).toFixed(2)]);
      const key = `${way.toLowerCase().replace(' ', '_')}_${atOnce}`;
      Object.assign(results, { [`${key}_per_s`]: rate, [`${key}_p50_ms`]: p50, [`${key}_p99_ms`]: p99 });
      results[`${key}_ratio`] = rate / least;
      if (way !== 'HTTP') continue;
      usageTable(usage, seconds, `HTTP at ${atOnce} connections`);
      Object.assign(results, usageFigures(usage, `http_${atOnce}_`));
    }
  }
  const head = ['way', 'connections', 'commands/s', 'p50 ms', 'p99 ms', 'of the statement'];
  table('Registering students', head, rows);
  say('\nstatement: event-store/append alone; event store: load, decide, append; HTTP: the whole command.');
  conclude('commands', results);
});
