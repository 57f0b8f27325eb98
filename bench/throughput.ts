/**
 * How many changed rows a second go the whole way: written to Postgres in transactions of 100 rows (70 % updates, 20 %
 * inserts, 10 % deletes) over 8 connections as fast as they go, until the query API shows the last of them. At the end
 * every row of the lake is compared with Postgres.
 */
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import { insertStudents } from './load/students.js';
import { argument } from './measuring/arguments.js';
import { MeasuredProduct } from './measuring/measured-product.js';
import { conclude, rounded, say, table, usageFigures, usageTable } from './measuring/report.js';
import { saturate } from './measuring/saturation.js';
import { compareStudents } from './measuring/source-and-lake.js';

const changes = argument('changes', 1_000_000);
const students = argument('students', 100_000);
const aim = 50_000;
/** Milliseconds in which the students that are there at the beginning are folded. */
const settling = 3000;

await MeasuredProduct.run(async (product) => {
  const client = new pg.Client({ connectionString: product.databaseUrl });
  await client.connect();
  const empty = await product.quiet();
  await insertStudents(client, 0, students);
  await product.untilPosition(empty + students, 120);
  await sleep(settling);
  const { writing, total, changes: sent, usage } = await saturate(product, { changes, students });
  usageTable(usage, total);
  table(
    `${sent.toLocaleString('en')} changes of students, ${students.toLocaleString('en')} of them at the beginning`,
    ['', 'seconds', 'rows/s'],
    [
      ['written to Postgres', writing, sent / writing],
      ['shown by the query API', total, sent / total],
    ],
  );
  say(`\nThe aim is ${rounded(aim)} rows/s on two cores.`);
  const compared = await compareStudents(client, product.url('query-api'));
  await client.end();
  const equal = compared.sourceSum === compared.lakeSum;
  say(`Postgres ${rounded(compared.sourceRows)} rows ${compared.sourceSum.slice(0, 16)}…`);
  say(`lake     ${rounded(compared.lakeRows)} rows ${compared.lakeSum.slice(0, 16)}… ${equal ? 'equal' : 'DIFFERENT'}`);
  if (!equal) throw new Error('The lake does not show what Postgres holds.');
  conclude('throughput', {
    rows_per_s: sent / total,
    written_rows_per_s: sent / writing,
    seconds: total,
    changes: sent,
    rows_compared: compared.lakeRows,
    ...usageFigures(usage),
  });
});
