export type {
  ChangeEvent,
  CommitEnd,
  Operation,
  Row,
  SourceEpoch,
  Transaction,
  TransactionHeader,
} from './change-event.js';
export { formatLsn, parseLsn, type Lsn } from './lsn.js';
