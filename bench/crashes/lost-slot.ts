import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Resolves when there is none: the connection of a killed projector holds its slot until the server notices. */
export async function loseSlot(databaseUrl: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const slot = `FROM pg_replication_slots WHERE slot_name = '${name}'`;
  while ((await client.query(`SELECT ${slot}`)).rowCount !== 0) {
    await client.query(`SELECT pg_drop_replication_slot(slot_name) ${slot} AND NOT active`);
    await sleep(20);
  }
  await client.end();
}
