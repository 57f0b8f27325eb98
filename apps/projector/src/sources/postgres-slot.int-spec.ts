import { emptyDatabase } from '#libs/test-postgres';
import pg from 'pg';
import { campus, campusTables } from './contract/captured-tables.js';
import { changeSourceContract } from './contract/change-source.contract.js';
import { PostgresSlotSource } from './postgres-slot.js';

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}

changeSourceContract('slot', async () => {
  const { url, name, close } = await emptyDatabase();
  await query(url, campusTables(name));
  const options = { databaseUrl: url, slot: name, publication: name, catalog: campus, probeInterval: 50 };
  return { databaseUrl: url, source: () => new PostgresSlotSource(options), dispose: close };
});
