export { ensureDatabase } from './ensure-database.js';
export { readMigrations, type Migration } from './migration-folder.js';
export { migrate, MigrationEdited, MigrationFailed, MigrationUnfinished } from './migrate.js';
