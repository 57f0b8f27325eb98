/** Brings the database to this build's schema, and ends. Several may run at once: one works, the others wait. */
import { migrate } from '#libs/migrations';
import { readConfig } from '#libs/service';
import { fileURLToPath } from 'node:url';
import { migrationVariables } from './config.js';

const { DATABASE_URL } = readConfig(migrationVariables, process.env);
const migrations = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));

try {
  const applied = await migrate(DATABASE_URL, migrations);
  for (const name of applied) process.stdout.write(`Migration ${name} applied.\n`);
  if (applied.length === 0) process.stdout.write('Every migration was applied before.\n');
} catch (error) {
  process.stderr.write(`The database cannot be migrated: ${(error as Error).message}\n`);
  process.exitCode = 1;
}
