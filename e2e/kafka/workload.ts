/** A seeded workload on the campus' tables: what Postgres can do to a row, in transactions that run beside each other. */
import pg from 'pg';

/** Numbers in [0, below), the same for the same seed (a linear congruence; Numerical Recipes' constants). */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const texts = ["O'Néill", '💥"\\', 'line\nbreak', '\u2028', '', 'null', '2026-01-01Z', '  spaces  '];

function statement(random: (below: number) => number): string {
  const id = random(40);
  const text = pg.escapeLiteral(texts[random(texts.length)]!);
  const plan = random(4) === 0 ? `repeat('plan ${random(9)} ', 2000)` : 'NULL';
  const statements = [
    `INSERT INTO buildings VALUES (${id}, ${text}, ${plan}) ON CONFLICT (id) DO UPDATE SET name = excluded.name`,
    `UPDATE buildings SET name = ${text} WHERE id = ${id}`,
    `UPDATE buildings SET name = name WHERE id % 7 = ${random(7)}`,
    `UPDATE buildings SET id = id + 1000 WHERE id = ${id} AND NOT EXISTS (SELECT FROM buildings WHERE id = ${id + 1000})`,
    `DELETE FROM buildings WHERE id IN (${id}, ${id + 1000}, ${random(40)})`,
    `DELETE FROM buildings WHERE id = ${id}; INSERT INTO buildings VALUES (${id}, 'again')`,
    `INSERT INTO rooms SELECT n, ${text}, n FROM generate_series(1, ${1 + random(20)}) AS n ON CONFLICT DO NOTHING`,
    `UPDATE rooms SET seats = ${random(3) === 0 ? 'NULL' : random(100)} WHERE number <= ${random(20)}`,
    `SAVEPOINT s; INSERT INTO rooms VALUES (${500 + random(99)}, 'gone', 1) ON CONFLICT DO NOTHING; ROLLBACK TO s`,
    `INSERT INTO happenings VALUES ('buildings:${id}', ${random(1_000_000_000)}, ${text})`,
    `SELECT pg_logical_emit_message(true, 'somebody', 'else')`,
    ...(random(12) === 0 ? ['TRUNCATE rooms', 'TRUNCATE buildings, rooms'] : []),
  ];
  return statements[random(statements.length)]!;
}

/** Runs so many transactions over two connections; one in six is rolled back. */
export async function work(databaseUrl: string, seed: number, transactions: number): Promise<void> {
  const random = seeded(seed);
  const clients = [0, 1].map(() => new pg.Client({ connectionString: databaseUrl }));
  for (const client of clients) await client.connect();
  try {
    for (let i = 0; i < transactions; i++) {
      const client = clients[random(2)]!;
      const statements = Array.from({ length: 1 + random(4) }, () => statement(random));
      const end = random(6) === 0 ? 'ROLLBACK' : 'COMMIT';
      await client.query(`BEGIN; SET LOCAL lock_timeout = '5s'; ${statements.join('; ')}; ${end}`);
    }
  } finally {
    for (const client of clients) await client.end();
  }
}
