export { ledger } from './ledger.js';
export { closedAccounts, TestChangelog } from './lake-tables.js';
export { lakeRows, liveFiles, temporaryFolder } from './lake-files.js';
export { account, changeEvent, epochOf, snapshotOf, transaction, truncated, type ChangeOf } from './transactions.js';
