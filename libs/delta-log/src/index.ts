export {
  CorruptLog,
  removalOf,
  type Action,
  type AddFile,
  type Metadata,
  type Protocol,
  type RemoveFile,
  type SetTransaction,
} from './action.js';
export { checkpoint } from './checkpoint.js';
export { cleanLog } from './clean-log.js';
export { Fenced, readCommit } from './commit.js';
export { createTable, type TableDefinition } from './create-table.js';
export { isNamedHere, writeDataFile } from './data-file.js';
export { DeltaTable, NoSuchTable, RowsLost } from './delta-table.js';
export { replaceDurably } from './durable-file.js';
export { lastCheckpoint, loadSnapshot } from './load-snapshot.js';
export { LogMovedOn } from './log-folder.js';
export { schemaString, type DeltaField, type DeltaType } from './schema.js';
export { Snapshot, UnsupportedTable } from './snapshot.js';
export { mergedStats, recordsOf, statsOf, type Statistics } from './statistics.js';
export { vacuum } from './vacuum.js';
