/** Single-row commits at a rate, by direct SQL over several connections, until it is told to stop. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { serveLoad } from './load-process.js';
import { idOf } from './students.js';

export interface UpdateOptions {
  readonly databaseUrl: string;
  /** Commits a second, of all connections together. */
  readonly rate: number;
  readonly connections: number;
  /** Students 0 … students − 1 are updated. */
  readonly students: number;
}

export interface UpdateResult {
  readonly commits: number;
  readonly seconds: number;
}

const update = {
  name: 'update',
  text: `UPDATE students SET gpa = mod(coalesce(gpa, 0) + 0.01, 4), version = version + 1 WHERE id = $1`,
};

await serveLoad(async (options: UpdateOptions, begun, signal): Promise<UpdateResult> => {
  const { databaseUrl, rate, connections, students } = options;
  let commits = 0;
  const started = performance.now();
  const worker = async (index: number) => {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    for (let next = index; !signal.aborted; next += connections) {
      const due = started + (next * 1000) / rate - performance.now();
      if (due > 1) await sleep(due);
      await client.query({ ...update, values: [idOf(Math.floor(Math.random() * students))] });
      commits++;
    }
    await client.end();
  };
  begun();
  await Promise.all(Array.from({ length: connections }, (_, index) => worker(index)));
  return { commits, seconds: (performance.now() - started) / 1000 };
});
