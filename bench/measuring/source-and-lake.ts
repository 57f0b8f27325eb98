/** Whether the lake shows what the source holds: every row of both, page by page, in the order of the key. */
import { createHash } from 'node:crypto';
import type pg from 'pg';

export interface Compared {
  readonly sourceRows: number;
  readonly lakeRows: number;
  /** SHA-256 over all rows, hexadecimal. */
  readonly sourceSum: string;
  readonly lakeSum: string;
}

const page = 1000;
const columns =
  'id, first_name, last_name, gender, address, date_of_birth::text, major, year_of_study, gpa::float8, enrollment_status';
const names = columns.split(', ').map((column) => column.replace(/::.*/, ''));

type Row = Readonly<Record<string, unknown>>;

/** Nothing may be written meanwhile. */
export async function compareStudents(client: pg.ClientBase, queryApiUrl: string): Promise<Compared> {
  const [source, lake] = [await sumOf(sourcePages(client)), await sumOfLake(queryApiUrl)];
  return { sourceRows: source.rows, lakeRows: lake.rows, sourceSum: source.sum, lakeSum: lake.sum };
}

/** Of what a lake shows, as `lakeSum` has it. */
export const sumOfLake = (queryApiUrl: string): Promise<{ rows: number; sum: string }> => sumOf(lakePages(queryApiUrl));

async function sumOf(pages: AsyncIterable<readonly Row[]>): Promise<{ rows: number; sum: string }> {
  const hash = createHash('sha256');
  let rows = 0;
  for await (const some of pages) {
    rows += some.length;
    for (const row of some) hash.update(JSON.stringify(names.map((name) => row[name])));
  }
  return { rows, sum: hash.digest('hex') };
}

async function* sourcePages(client: pg.ClientBase): AsyncIterable<readonly Row[]> {
  const query = `SELECT ${columns} FROM students WHERE id > $1 ORDER BY id COLLATE "C" LIMIT ${page}`;
  for (let last = ''; ;) {
    const { rows } = await client.query(query, [last]);
    yield rows;
    if (rows.length < page) return;
    last = rows.at(-1).id;
  }
}

async function* lakePages(url: string): AsyncIterable<readonly Row[]> {
  for (let cursor: string | null = ''; cursor !== null;) {
    const after = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const answer = await fetch(`${url}/v1/dimensions/students?limit=${page}${after}`);
    if (answer.status !== 200) throw new Error(`A list was answered with ${await answer.text()}`);
    const body = (await answer.json()) as { data: Row[]; page: { next_cursor: string | null } };
    yield body.data;
    cursor = body.page.next_cursor;
  }
}
