/**
 * The two ways from Postgres to the lake in one run, on the same load: through a replication slot, and through Debezium
 * and Kafka. How fresh answers are beside a steady load; how many rows a second go through when Postgres is written to
 * as fast as it takes it; and whether it is the projector that they wait for: how fast Debezium fills the topic while
 * nobody reads it, beside how fast a projector with an empty lake reads all that the topic holds. At the end every lake is compared with Postgres, row by row.
 */
import { given } from '../apps/standalone/src/ports.js';
import { measureBacklog, type Backlog } from './kafka/backlog.js';
import { measureKafkaWay, type KafkaPorts, type KafkaWay } from './kafka/kafka-way.js';
import { measureWay, type Load, type Way } from './kafka/way.js';
import { argument } from './measuring/arguments.js';
import { median, percentile } from './measuring/latencies.js';
import { MeasuredProduct } from './measuring/measured-product.js';
import { conclude, rounded, say, table, usageFigures, usageTable } from './measuring/report.js';

const load: Load = {
  rate: argument('rate', 500),
  seconds: argument('seconds', 20),
  changes: argument('changes', 1_000_000),
  students: argument('students', 100_000),
};
const aims = { p50: 100, p99: 300, backlog: 50_000 };

const freshOf = ({ freshness }: Way) => freshness.answered.map(({ commanded, shown }) => shown - commanded);
const perSecond = ({ saturated }: Way, seconds: number) => saturated.changes / seconds;
/** From the last change in the topic to the answer that shows it. */
const tailOf = ({ saturated, inTopic }: KafkaWay) => Math.max(0, saturated.total - inTopic);

async function freePorts(): Promise<KafkaPorts> {
  const [broker, controller, connect] = await Promise.all([given(0), given(0), given(0)]);
  return { broker, controller, connect };
}

async function bySlot(): Promise<Way> {
  let way: Way | undefined;
  await MeasuredProduct.run(async (product) => void (way = await measureWay(product, load)));
  return way!;
}

async function byKafka(): Promise<{ way: KafkaWay; backlog: Backlog }> {
  const ports = await freePorts();
  let measured: { way: KafkaWay; backlog: Backlog } | undefined;
  const run = async (product: MeasuredProduct) => {
    const way = await measureKafkaWay(product, ports, load);
    await product.stop();
    measured = { way, backlog: await measureBacklog(product.dataDir, ports, way.alone.position) };
  };
  await MeasuredProduct.run(run, {
    CHANGE_SOURCE: 'kafka',
    KAFKA_PORT: String(ports.broker),
    KAFKA_CONTROLLER_PORT: String(ports.controller),
    CONNECT_PORT: String(ports.connect),
  });
  return measured!;
}

function usages(name: string, { freshness, saturated }: Way): void {
  usageTable(freshness.usage, load.seconds, `By ${name}, at ${load.rate} commits a second`);
  usageTable(saturated.usage, saturated.total, `By ${name}, saturated`);
}

function figures(slot: Way, kafka: KafkaWay, backlog: Backlog): void {
  const both = (figure: (way: Way) => number) => [rounded(figure(slot)), rounded(figure(kafka))];
  const backlogRate = backlog.rows / backlog.durable;
  const fillRate = kafka.alone.changes / kafka.alone.seconds;
  table(
    `${load.changes.toLocaleString('en')} changes of students, ${load.students.toLocaleString('en')} of them at the beginning`,
    ['', 'slot', 'Kafka', 'aim'],
    [
      [`freshness at ${load.rate}/s, p50 ms`, ...both((way) => percentile(freshOf(way), 50)), `≤ ${aims.p50}`],
      [`freshness at ${load.rate}/s, p99 ms`, ...both((way) => percentile(freshOf(way), 99)), `≤ ${aims.p99}`],
      ['commits/s achieved', ...both(({ freshness }) => freshness.rate), rounded(load.rate)],
      ['saturated: written, rows/s', ...both((way) => perSecond(way, way.saturated.writing)), ''],
      ['saturated: in the topic, rows/s', '', rounded(perSecond(kafka, kafka.inTopic)), ''],
      ['saturated: shown, rows/s', ...both((way) => perSecond(way, way.saturated.total)), ''],
      ['s from the last in the topic to shown', '', rounded(tailOf(kafka)), ''],
      ['records in topic, not in lake, median', '', rounded(median(kafka.lags)), ''],
      ['records in topic, not in lake, p99', '', rounded(percentile(kafka.lags, 99)), ''],
      [`backlog of ${rounded(backlog.rows)} rows, rows/s`, '', rounded(backlogRate), `≥ ${rounded(aims.backlog)}`],
      ['Debezium fills the topic alone, rows/s', '', rounded(fillRate), ''],
      ['the projector drains it × as fast', '', rounded(backlogRate / fillRate), '> 1: it holds nothing up'],
      ['backlog, also folded, rows/s', '', rounded(backlog.rows / backlog.folded), ''],
    ],
  );
}

const resultsOf = (name: string, way: Way): Record<string, number> => ({
  [`${name}_freshness_p50_ms`]: percentile(freshOf(way), 50),
  [`${name}_freshness_p99_ms`]: percentile(freshOf(way), 99),
  [`${name}_freshness_late`]: way.freshness.late,
  [`${name}_written_rows_per_s`]: perSecond(way, way.saturated.writing),
  [`${name}_rows_per_s`]: perSecond(way, way.saturated.total),
  ...usageFigures(way.freshness.usage, `${name}_at_rate_`),
  ...usageFigures(way.saturated.usage, `${name}_saturated_`),
});

const slot = await bySlot();
usages('slot', slot);
const { way: kafka, backlog } = await byKafka();
usages('Kafka', kafka);
usageTable(backlog.usage, backlog.folded, 'The backlog');
figures(slot, kafka, backlog);
if (backlog.sum !== kafka.alone.sum)
  throw new Error(
    `The backlog's lake shows ${backlog.students} students that differ from Postgres' ${kafka.alone.rows}.`,
  );
say(
  `\nBy slot ${rounded(slot.rows)} students, by Kafka ${rounded(kafka.rows)}, and later ${rounded(kafka.alone.rows)}, as from the backlog:`,
);
say('each time equal to what Postgres held.');
conclude('kafka', {
  ...resultsOf('slot', slot),
  ...resultsOf('kafka', kafka),
  topic_rows_per_s: perSecond(kafka, kafka.inTopic),
  topic_to_shown_s: tailOf(kafka),
  lag_records_median: median(kafka.lags),
  lag_records_p99: percentile(kafka.lags, 99),
  debezium_alone_rows_per_s: kafka.alone.changes / kafka.alone.seconds,
  backlog_rows: backlog.rows,
  backlog_rows_per_s: backlog.rows / backlog.durable,
  backlog_folded_rows_per_s: backlog.rows / backlog.folded,
  ...usageFigures(backlog.usage, 'backlog_'),
});
