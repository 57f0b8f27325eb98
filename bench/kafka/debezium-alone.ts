/** How fast Debezium fills the topic while nobody reads it: what it can do at most on this machine, beside Postgres and the load. */
import pg from 'pg';
import { LoadProcess } from '../load/load-process.js';
import type { MixOptions, MixResult } from '../load/mix-changes.js';
import { insertStudents } from '../load/students.js';
import type { MeasuredProduct } from '../measuring/measured-product.js';
import { connections, program, rowsPerTransaction } from '../measuring/saturation.js';
import { compareStudents } from '../measuring/source-and-lake.js';
import { coming, type TopicWatch } from './topic-watch.js';

export interface Alone {
  /** Changed rows, and the seconds from the first of them in the topic to the last. */
  readonly changes: number;
  readonly seconds: number;
  /** Of the lake when it has them, too. */
  readonly position: number;
  /** SHA-256 over all students, in Postgres and in the lake: equal. */
  readonly sum: string;
  readonly rows: number;
}

/** Students that are changed; the load's own. */
const students = 20_000;
/** Slower than this many rows a second is given up. */
const hopeless = 1000;

/** `first`: from there on no student has a number. @throws if the lake does not show what Postgres holds */
export async function measureDebeziumAlone(
  product: MeasuredProduct,
  begin: () => Promise<TopicWatch>,
  { first, changes }: { readonly first: number; readonly changes: number },
): Promise<Alone> {
  const client = new pg.Client({ connectionString: product.databaseUrl });
  await client.connect();
  const before = await product.quiet();
  await insertStudents(client, first, students);
  await product.untilPosition(before + students, 60 + students / hopeless);
  const { databaseUrl } = product;
  const transactions = Math.ceil(changes / rowsPerTransaction);
  const options = { databaseUrl, connections, transactions, first, students } satisfies MixOptions;
  const { sent, seconds } = await product.without(['projector', 'query-api'], async () => {
    const watch = await begin();
    const load = new LoadProcess<MixResult>(program, options);
    try {
      const { changes: sent } = await load.result;
      await watch.until(sent, 60 + sent / hopeless);
      const samples = coming(await watch.end(), sent);
      return { sent, seconds: samples.at(-1)!.at - samples[0]!.at };
    } finally {
      load.kill();
    }
  });
  const position = before + students + sent;
  await product.untilPosition(position, 60 + sent / hopeless);
  const { sourceSum, lakeSum, sourceRows } = await compareStudents(client, product.url('query-api'));
  await client.end();
  if (sourceSum !== lakeSum) throw new Error('The lake of a projector that stood still differs from Postgres.');
  return { changes: sent, seconds, position, sum: sourceSum, rows: sourceRows };
}
