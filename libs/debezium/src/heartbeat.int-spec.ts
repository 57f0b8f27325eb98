/** Debezium asks its heartbeat's question from the thread that reads the snapshot. */
import { readFile } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import pg from 'pg';
import { emptyDatabase } from '#libs/test-postgres';

it('is asked without a lock on a table, for which a snapshot and a TRUNCATE would wait for ever', async () => {
  const database = await emptyDatabase();
  const [owner, debezium] = [1, 2].map(() => new pg.Client({ connectionString: database.url }));
  await Promise.all([owner!.connect(), debezium!.connect()]);
  try {
    await owner!.query(`CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, name text);
      CREATE PUBLICATION listed FOR TABLE b; CREATE PUBLICATION every FOR ALL TABLES;
      CREATE PUBLICATION schematic FOR TABLES IN SCHEMA public`);
    await owner!.query('BEGIN; LOCK TABLE a, b IN ACCESS EXCLUSIVE MODE');
    await debezium!.query(`SET lock_timeout = '200ms'`);
    const columns = async (publication: string) => {
      const text = await question(publication);
      const { rows } = await debezium!.query<{ content: string }>(text);
      return (JSON.parse(rows[0]!.content) as { columns: object }).columns;
    };
    const [a, b] = [{ id: 'int4' }, { id: 'int4', name: 'text' }];
    expect(await columns('listed')).toEqual({ b });
    expect(await columns('every')).toEqual({ a, b });
    expect(await columns('schematic')).toEqual({ a, b });
  } finally {
    await Promise.all([owner!.end(), debezium!.end()]);
    await database.close();
  }
});

/** What it would emit. */
async function question(publication: string): Promise<string> {
  const file = new URL('../../../deploy/debezium/connector.json', import.meta.url);
  const config = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
  return config['heartbeat.action.query']!.replace("pg_logical_emit_message(false, 'migsbyu', ", '(')
    .replace(/\)$/, ') AS content')
    .replaceAll('${env:PUBLICATION}', publication);
}
