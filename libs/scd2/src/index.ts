export { duckdbType, identifier, literal } from './typing.js';
export { noVersionsSql } from './version.js';
export { keysOfText, stepsSql, type BatchSource } from './steps.js';
export {
  boundsSql,
  keyInRangeSql,
  keyOrStrayInRangeSql,
  keyRowSql,
  keysIn,
  rangesSql,
  type KeyRange,
  type KeyTexts,
} from './key-range.js';
export { SeenColumns, type ColumnsSince } from './seen-columns.js';
export { foldSql, type FoldQueries, type FoldSource } from './fold.js';
export { noQuarantineSql, openQuarantineSql } from './quarantine.js';
export { compactSql, forgetSql, loadSql, memoryDdl, unfoldedSql, wornSql, type FoldedFiles } from './reader-memory.js';
export type { ChangeRow } from './typed-change.js';
export { MemoryRefresh, type RefreshBatch } from './refresh.js';
export { allVersionsSql, asOfSql, currentSql, quarantinedSql, type ViewSource } from './read-view.js';
