export { ensureDatabase } from './ensure-database.js';
export { migrate, MigrationEdited, MigrationFailed, MigrationUnfinished } from './migrate.js';
