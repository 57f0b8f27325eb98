export { postgresHome, UnsupportedPlatform } from './binaries.js';
export { UnusableDataFolder } from './data-folder.js';
export { DataFolderInUse, stopOrphan } from './postmaster.js';
export {
  PortTaken,
  PostgresDidNotStart,
  startPostgres,
  type Postgres,
  type PostgresOptions,
} from './start-postgres.js';
