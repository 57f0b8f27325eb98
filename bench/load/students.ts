/** Students by plain SQL, past the API: the source as it is where other programs write to it. */
import type pg from 'pg';

/** Of the `n`th student: in the order of `n`. */
export const idOf = (n: number): string => n.toString(16).toUpperCase().padStart(10, '0');

const statement = 10_000;

/** Students `from` … `from + count - 1`. */
export async function insertStudents(client: pg.ClientBase, from: number, count: number): Promise<void> {
  for (let first = from; first < from + count; first += statement)
    await client.query(insertion(`generate_series(${first}, ${Math.min(first + statement, from + count) - 1})`));
}

/** `numbers`: a set of numbers in SQL. */
export const insertion = (numbers: string): string =>
  `INSERT INTO students SELECT upper(lpad(to_hex(n), 10, '0')), 'First ' || n % 997, 'Last ' || n % 4999,
     (ARRAY['female', 'male', 'non-binary', NULL])[1 + n % 4], n % 9999 || ' Example Street, Springfield, IL 62704',
     date '1998-01-01' + (n % 2500)::int, (ARRAY['Biology', 'Physics', 'History', 'Mathematics', NULL])[1 + n % 5],
     1 + n % 6, (n % 401)::numeric / 100, (ARRAY['full-time', 'part-time'])[1 + n % 2], 1
   FROM ${numbers} AS n`;
