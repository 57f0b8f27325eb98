/** One way from Postgres to the lake, on the whole product: how fresh its answers are, and how much goes through. */
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { insertStudents } from '../load/students.js';
import { freshnessAt, type Freshness } from '../measuring/freshness-at-rate.js';
import type { MeasuredProduct } from '../measuring/measured-product.js';
import { probe, registerProbed } from '../measuring/probes.js';
import type { Groups } from '../measuring/process-usage.js';
import { saturate, type Saturated } from '../measuring/saturation.js';
import { compareStudents } from '../measuring/source-and-lake.js';

export interface Load {
  /** Commits a second while freshness is measured, and for how many seconds. */
  readonly rate: number;
  readonly seconds: number;
  /** Changed rows of the saturated run. */
  readonly changes: number;
  readonly students: number;
}

export interface Way {
  readonly freshness: Freshness;
  readonly saturated: Saturated;
  /** Last position of the lake, all of it there. */
  readonly position: number;
  /** SHA-256 over all students, in Postgres and as the query API shows them: equal. */
  readonly sum: string;
  readonly rows: number;
}

/** Milliseconds in which the students that are there at the beginning are folded. */
const settling = 3000;

/** @throws if the lake does not show what Postgres holds */
export async function measureWay(
  product: MeasuredProduct,
  load: Load,
  { others, watched }: { others?: Groups; watched?: <T>(work: () => Promise<T>) => Promise<T> } = {},
): Promise<Way> {
  const client = new pg.Client({ connectionString: product.databaseUrl });
  await client.connect();
  const { students, changes } = load;
  const empty = await product.quiet();
  await insertStudents(client, 0, students);
  await product.untilPosition(empty + students, 120);
  const ids = await registerProbed(product);
  await probe(product, ids[0]!, 0.5);
  await sleep(settling);
  const freshness = await freshnessAt(product, ids, { ...load, turn: 1, ...(others && { others }) });
  await product.quiet();
  const run = () => saturate(product, { changes, students, ...(others && { others }) });
  const saturated = await (watched ? watched(run) : run());
  const compared = await compareStudents(client, product.url('query-api'));
  await client.end();
  if (compared.sourceSum !== compared.lakeSum)
    throw new Error(`The lake shows ${compared.lakeRows} students that differ from Postgres' ${compared.sourceRows}.`);
  const position = await product.position();
  return { freshness, saturated, position, sum: compared.sourceSum, rows: compared.sourceRows };
}
