export { identifier, literal } from './typing.js';
export { noVersionsSql } from './version.js';
export { stepsSql, type BatchSource } from './steps.js';
export { foldSql, type FoldQueries, type FoldSource } from './fold.js';
export { noQuarantineSql, openQuarantineSql } from './quarantine.js';
export {
  compactSql,
  forgetSql,
  loadSql,
  memoryDdl,
  memoryTables,
  wornSql,
  type FoldedFiles,
  type MemoryTables,
} from './reader-memory.js';
export { refresh, type RefreshBatch } from './refresh.js';
export { allVersionsSql, asOfSql, currentSql, quarantinedSql, type VersionFiles } from './read-view.js';
