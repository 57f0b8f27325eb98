import pg from 'pg';

const DUPLICATE_DATABASE = '42P04';
/** What a second CREATE DATABASE reports when both run at once. */
const UNIQUE_VIOLATION = '23505';

/** Creates the database that the URL names unless it is there. The user needs the right to create databases. */
export async function ensureDatabase(url: string): Promise<void> {
  const server = new URL(url);
  const name = decodeURIComponent(server.pathname.slice(1));
  server.pathname = '/postgres';
  const client = new pg.Client({ connectionString: server.href });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${client.escapeIdentifier(name)}`);
  } catch (error) {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    if (code !== DUPLICATE_DATABASE && code !== UNIQUE_VIOLATION) throw error;
  } finally {
    await client.end();
  }
}
