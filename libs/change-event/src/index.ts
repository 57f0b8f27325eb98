export type {
  ChangeEvent,
  CommitEnd,
  Operation,
  Row,
  RowText,
  Transaction,
  TransactionHeader,
} from './change-event.js';
export { isSameEpoch, narrowedTo, uncoveredTables, type SourceEpoch } from './source-epoch.js';
export { formatLsn, parseLsn, type Lsn } from './lsn.js';
